"""New dataset folders: the layout of the suite, written atomically."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

from utils.errors import RunError
from utils.files import make_folder


@contextlib.contextmanager
def new_dataset(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Context that renames a temporary folder to `target` once it is complete, and removes it after an error.

    Args:
        target: the folder to create; it must not exist.

    Yields:
        The temporary folder to write to, beside `target`.

    Raises:
        RunError: if a file or folder cannot be written.
    """
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        make_folder(partial)
        yield partial
        partial.rename(target)
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_split_folders(folder: pathlib.Path, splits: Iterable[str]) -> None:
    """Creates the folders of images and of labels of each split, such as `train` and `train_labels`."""
    for split in splits:
        make_folder(folder / split)
        make_folder(folder / f"{split}_labels")
