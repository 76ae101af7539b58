"""Files appear whole or not at all, whenever the program is killed."""

import contextlib
import os
import pathlib
import shutil

from utils.errors import RunError


@contextlib.contextmanager
def atomic_write(path):
    """Lets a file be written under a temporary name and then renames it.

    Args:
        path: of the file, which may exist; it is left as it was if writing fails.

    Yields:
        `pathlib.Path` to write to, in the same folder and with the same extension.

    Raises:
        RunError: if the disk refuses.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()  # a full disk leaves half of it
        if isinstance(error, OSError):
            raise RunError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def copy_file(source, path, link=False):
    """Copies a file, or gives it a second name, whole or not at all.

    Args:
        source: path of the file.
        path: where the copy goes.
        link: whether to make a hard link, which takes no room and needs the same disk.

    Raises:
        RunError: if the disk refuses.
    """
    with atomic_write(path) as temporary:
        if not link:
            shutil.copyfile(source, temporary)
            return
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        try:
            os.link(os.path.realpath(source), temporary)
        except OSError as error:
            raise RunError(f"cannot link {source} to {path}: {error.strerror}; copy it instead") from error
