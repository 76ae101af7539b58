"""New dataset folders: the layout of the suite, written atomically."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

from utils.data.folder import Pair
from utils.errors import RunError
from utils.files import copy_file, make_folder
from utils.threads import map_threads


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


def write_datasets(
    datasets: dict[pathlib.Path, list[tuple[str, Pair, str]]],
    classes_path: pathlib.Path | None,
    link: bool = False,
    workers: int = 2,
) -> None:
    """Writes datasets atomically: all of them, or none.

    Args:
        datasets: from each folder to create to its `(split, pair, prefix of the names of the new files)`.
        classes_path: class_dict.csv to copy, or None.
        link: whether to create hard links of images and labels instead of copies.
        workers: number of threads.

    Raises:
        RunError: if a file or folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        jobs = []
        for target, members in datasets.items():
            folder = stack.enter_context(new_dataset(target))
            make_split_folders(folder, {split for split, _, _ in members})
            if classes_path:
                copy_file(classes_path, folder / "class_dict.csv")
            jobs += [(folder, *member) for member in members]

        def copy_pair(job):
            folder, split, pair, prefix = job
            copy_file(pair.image, folder / split / f"{prefix}{pair.image.name}", link=link)
            copy_file(pair.label, folder / f"{split}_labels" / f"{prefix}{pair.label.name}", link=link)

        map_threads(copy_pair, jobs, workers, "Linking" if link else "Copying")
