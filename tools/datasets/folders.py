"""New dataset folders: the layout of the suite, written atomically."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping

from utils.data.folder import Pair
from utils.errors import RunError, UsageError
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


def target_folders(target: str | pathlib.Path, folds: int | None) -> list[pathlib.Path]:
    """Returns the folders to create: the target, or one for each of a number of folds.

    Raises:
        UsageError: if one of them exists.
    """
    target = pathlib.Path(target)
    names = [f"{target.name}_fold{number}" for number in range(1, folds + 1)] if folds else [target.name]
    folders = [target.with_name(name) for name in names]
    for folder in folders:
        if folder.exists():
            raise UsageError(f"{folder} exists already; choose another --target")
    return folders


def make_split_folders(folder: pathlib.Path, splits: Iterable[str]) -> None:
    """Creates the folders of images and of labels of each split, such as `train` and `train_labels`."""
    for split in splits:
        make_folder(folder / split)
        make_folder(folder / f"{split}_labels")


def name_prefixes(pairs: list[Pair]) -> list[str]:
    """Returns a prefix for the files of each pair: its folder, where train and val have files of the same names."""
    distinct = {pair.name for pair in pairs}, {pair.label.name for pair in pairs}
    if all(len(names) == len(pairs) for names in distinct):
        return [""] * len(pairs)
    print("Files of train and val have the same names; in the folds their names begin with train_ and val_")
    return [f"{pair.image.parent.name}_" for pair in pairs]


def write_datasets(
    datasets: dict[pathlib.Path, list[tuple[str, Pair, str]]],
    files: Mapping[str, pathlib.Path],
    link: bool = False,
    workers: int = 2,
) -> None:
    """Writes datasets atomically: all of them, or none.

    Args:
        datasets: from each folder to create to its `(split, pair, prefix of the names of the new files)`.
        files: from names to paths of files that each folder gets, such as class_dict.csv.
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
            for name, path in files.items():
                copy_file(path, folder / name)
            jobs += [(folder, *member) for member in members]

        def copy_pair(job):
            folder, split, pair, prefix = job
            copy_file(pair.image, folder / split / f"{prefix}{pair.image.name}", link=link)
            copy_file(pair.label, folder / f"{split}_labels" / f"{prefix}{pair.label.name}", link=link)

        map_threads(copy_pair, jobs, workers, "Linking" if link else "Copying")
