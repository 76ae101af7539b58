"""Files appear whole or not at all, whenever the program is killed."""

import contextlib
import os
import pathlib

from utils.errors import WorkFailed


@contextlib.contextmanager
def replacing(path):
    """Lets a file be written under a temporary name and then renames it.

    Args:
        path: of the file, which may exist; it is left as it was if writing fails.

    Yields:
        `pathlib.Path` to write to, in the same folder and with the same extension.

    Raises:
        WorkFailed: if the disk refuses.
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
            raise WorkFailed(f"cannot write {path}: {error.strerror or error}") from error
        raise
