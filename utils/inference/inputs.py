"""What there is to predict: images, folders of them, patterns, videos, cameras."""

import collections
import glob
import os
import pathlib

from utils.data.images import EXTENSIONS, is_image
from utils.errors import UsageError
from utils.inference.video import EXTENSIONS as VIDEO_EXTENSIONS

WRITTEN = ("_pred", "_overlay", "_indices")  # ends of the names of what predict.py writes


def find_inputs(names):
    """Finds what `--image` names.

    Args:
        names: list of str: files, folders (searched with all their subfolders), patterns such as `photos/*.jpg` or
            `**/*.png`, addresses of streams (`rtsp://...`), numbers of cameras.

    Returns:
        `(images, videos)`: a dict from each image's `pathlib.Path` to the name of its results without extension, a
        relative `pathlib.Path`; and a list of what `VideoReader` takes.

    Raises:
        UsageError: if something does not exist or there is nothing.
    """
    images, videos = {}, []
    for name in names:
        path = pathlib.Path(name)
        if path.is_file():
            _add_file(path, path.parent, images, videos)
        elif path.is_dir():
            _add_folder(path, images)
        elif name.isdecimal():
            videos.append(int(name))
        elif "://" in name:
            videos.append(name)
        else:
            _add_pattern(name, images, videos)
    return _named_apart(images), videos


def _add_file(path, folder, images, videos):
    """Adds a file to the images (whatever is not a video counts as one) or to the videos."""
    if path.suffix.lower() in VIDEO_EXTENSIONS:
        videos.append(path)
    else:
        images.setdefault(path, path.relative_to(folder).with_suffix(""))


def _add_folder(folder, images):
    """Adds a folder's images, but for what an earlier run wrote among them."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [pathlib.Path(parent, name) for name in sorted(files) if is_image(pathlib.Path(name))]
    found = [path for path in found if not path.stem.endswith(WRITTEN)]
    if not found:
        raise UsageError(f"the folder {folder} has no images ({', '.join(EXTENSIONS)})")
    for path in found:
        _add_file(path, folder, images, [])


def _add_pattern(pattern, images, videos):
    """Adds the images and videos that a pattern matches."""
    if not glob.has_magic(pattern):
        raise UsageError(f"there is no image, video or folder {pattern}")
    folder = pathlib.Path(*_before_magic(pathlib.Path(pattern).parts))
    matches = [pathlib.Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    matches = [path for path in matches if path.is_file() and not path.stem.endswith(WRITTEN)]
    matches = [path for path in matches if is_image(path) or path.suffix.lower() in VIDEO_EXTENSIONS]
    if not matches:
        raise UsageError(f"no image or video matches {pattern}")
    for path in matches:
        _add_file(path, folder, images, videos)


def _before_magic(parts):
    """The first parts of a path, without the last one, up to the first that has a pattern."""
    for part in parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _named_apart(images):
    """Makes the names of results unique: where two images differ in extension or folder only, these become part."""
    counts = collections.Counter(images.values())
    named, taken = {}, set()
    for path, name in images.items():
        if counts[name] > 1:
            name = name.with_name(f"{path.stem}_{path.suffix[1:]}")
        number = 2
        while name in taken:
            name = name.with_name(f"{path.stem}_{path.suffix[1:]}_{number}")
            number += 1
        taken.add(name)
        named[path] = name
    return named
