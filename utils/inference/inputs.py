"""Inputs of prediction: images, folders, file patterns, videos, streams and cameras."""

import collections
import fnmatch
import glob
import os
import pathlib
from collections.abc import Iterable

from utils.data.folder import walk_once
from utils.data.images import EXTENSIONS, describe_skipped, is_image, skipped_kinds
from utils.errors import UsageError
from utils.inference.video import EXTENSIONS as VIDEO_EXTENSIONS
from utils.inference.video import VideoReader
from utils.inference.video_writer import find_encoder
from utils.notices import tell_once
from utils.text import printable

RESULT_SUFFIXES = ("_pred", "_overlay", "_indices", "_confidence")  # of the names of predict.py's output files


def find_inputs(names: Iterable[str]) -> tuple[dict[pathlib.Path, pathlib.Path], list]:
    """Finds the images and videos of `--image`.

    Args:
        names: files, folders (searched with all their subfolders), patterns such as `photos/*.jpg` or `**/*.png`,
            addresses of streams (`rtsp://...`), numbers of cameras.

    Returns:
        `(images, videos)`: a dict from each image's `pathlib.Path` to the name of its results without extension, a
        relative `pathlib.Path`; and a list of sources for `VideoReader`.

    Raises:
        UsageError: if something does not exist, or a folder or pattern has no images.
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
    return _with_unique_names(images), videos


def give_unique_names(videos: Iterable[VideoReader]) -> None:
    """Numbers the `name` of videos whose name an earlier one has, in place: results would replace one another."""
    taken = set()
    for video in videos:
        name, number = video.name, 2
        while video.name in taken:
            video.name = f"{name}_{number}"
            number += 1
        taken.add(video.name)


def tell_replaced(
    folder: pathlib.Path, images: Iterable[str | os.PathLike], videos: Iterable[VideoReader] = ()
) -> None:
    """Prints a notice if the folder has results of the same names, perhaps those of other inputs.

    Args:
        folder: of the results.
        images: names of the results of images, relative to the folder and without extension.
        videos: with unique names.
    """
    files = [folder / f"{name}_pred{suffix}" for name in images for suffix in (".png", ".tif")]
    files += [folder / f"{video.name}_pred{find_encoder().suffix}" for video in videos]
    files = [file for file in files if file.exists()]
    if files:
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        tell_once(
            f"replaced in {folder}",
            f"results of an earlier run are replaced: {files[0]}{others}; another --output_dir keeps them",
        )


def _add_file(path, folder, images, videos):
    """Adds a file to the videos if its extension is a video's, else to the images."""
    if path.suffix.lower() in VIDEO_EXTENSIONS:
        videos.append(path)
    else:
        images.setdefault(path, pathlib.Path(printable(str(path.relative_to(folder).with_suffix("")))))


def _add_folder(folder, images):
    """Adds the images of a folder, without the results of earlier runs among them."""
    paths = [path for path in walk_once(folder) if not path.stem.endswith(RESULT_SUFFIXES)]
    skipped, paths = describe_skipped(skipped_kinds(paths)), [path for path in paths if is_image(path)]
    if not paths:
        raise UsageError(f"the folder {folder} has no images ({', '.join(EXTENSIONS)}){skipped and f'; {skipped}'}")
    if skipped:
        tell_once(f"skipped in {folder}", f"{folder}: {skipped}")
    for path in paths:
        _add_file(path, folder, images, [])


def _add_pattern(pattern, images, videos):
    """Adds the images and videos that match a pattern."""
    if not glob.has_magic(pattern):
        raise UsageError(f"there is no image, video or folder {pattern}")
    folder = pathlib.Path(*_parts_before_wildcards(pathlib.Path(pattern).parts))
    if "**" in pathlib.Path(pattern).parts:  # which `glob` follows into links to folders above them, without end
        wanted = pathlib.Path(pattern).parts[len(folder.parts) :]
        matches = [path for path in walk_once(folder) if _is_match(path.relative_to(folder).parts, wanted)]
    else:
        matches = [pathlib.Path(match) for match in sorted(glob.glob(pattern))]
    matches = [path for path in matches if path.is_file() and not path.stem.endswith(RESULT_SUFFIXES)]
    matches = [path for path in matches if is_image(path) or path.suffix.lower() in VIDEO_EXTENSIONS]
    if not matches:
        raise UsageError(f"no image or video matches {pattern}")
    for path in matches:
        _add_file(path, folder, images, videos)


def _is_match(parts, patterns):
    """Returns whether the parts of a path match those of a pattern, of which "**" is any number, as in `glob`."""
    if not parts or not patterns:
        return not parts and all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        return _is_match(parts, patterns[1:]) or _is_match(parts[1:], patterns)
    is_hidden = parts[0].startswith(".") and not patterns[0].startswith(".")
    return not is_hidden and fnmatch.fnmatch(parts[0], patterns[0]) and _is_match(parts[1:], patterns[1:])


def _parts_before_wildcards(parts):
    """Yields the parts of a path up to the first that has a wildcard, without the last one."""
    for part in parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _with_unique_names(images):
    """Makes the names of results unique: appends the extension, and a number if that is not enough."""
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
