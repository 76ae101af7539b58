"""Atomic file writes: write to a temporary file, then rename it. Strict parsing of JSON."""

import contextlib
import csv
import io
import json
import os
import pathlib
import re
import secrets
import shutil
import time
from collections.abc import Iterator

from utils.errors import RunError
from utils.processes import is_running
from utils.text import brief, printable

MAX_NAME_BYTES = 255  # of a file name, on all common file systems
OLD_SECONDS = 24 * 3600.0  # after which a temporary file is not written to any more, whoever began it


@contextlib.contextmanager
def atomic_write(
    path: str | pathlib.Path, durable: bool = False, previous: pathlib.Path | None = None
) -> Iterator[pathlib.Path]:
    """Context that renames a temporary file to `path` once it is complete.

    Args:
        path: the file to create or replace; if writing fails, it keeps its old content.
        durable: whether the file has to survive a power failure from then on, for which the disk is waited for.
        previous: name under which the file that is replaced is kept.

    Yields:
        The temporary path to write to, in the same folder and with the same extension. No other process has the same.

    Raises:
        RunError: if the file cannot be written.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(temporary_name(path))
    try:
        yield temporary
        if durable:
            sync(temporary)
        if previous and path.exists():
            _keep(path, previous)
        os.replace(temporary, path)
        if durable:
            sync(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()  # incomplete, as after a full disk
        if isinstance(error, OSError):
            raise RunError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def temporary_name(path: pathlib.Path) -> str:
    """Returns the name of a temporary file for `path`, `.<stem>.tmp<process>_<random><suffix>`."""
    unique = f".tmp{os.getpid()}_{secrets.token_hex(4)}{path.suffix}"
    stem = os.fsencode(path.stem)[: MAX_NAME_BYTES - len(os.fsencode(unique)) - 1]
    return f".{os.fsdecode(stem)}{unique}"


def remove_left_overs(folder: pathlib.Path, stem: str = "*") -> None:
    """Removes temporary files whose process has ended, or that were not written to for a day.

    Args:
        folder: where `atomic_write` wrote; it may be missing.
        stem: pattern of the names of the files, without extension.
    """
    for path in folder.glob(f".{stem}.tmp*"):
        pid = re.search(r"\.tmp(\d+)_[0-9a-f]{8}(\.[^.]*)?$", path.name)
        with contextlib.suppress(FileNotFoundError):
            if not pid or not is_running(int(pid[1])) or time.time() - path.stat().st_mtime > OLD_SECONDS:
                path.unlink()


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:
        if path.is_dir():
            return  # Windows opens no folders
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep(path, previous):
    """Gives a file a second name, without a moment in which it has none; without room for it, it has one name."""
    temporary = previous.with_name(temporary_name(previous))
    try:
        try:
            os.link(path, temporary)
        except OSError:  # such as a disk without hard links
            shutil.copyfile(path, temporary)
        os.replace(temporary, previous)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()


def copy_file(
    source: str | pathlib.Path,
    path: str | pathlib.Path,
    link: bool = False,
    durable: bool = False,
    previous: pathlib.Path | None = None,
) -> None:
    """Copies or hard-links a file atomically.

    Args:
        source: the file to copy.
        path: the copy.
        link: whether to create a hard link, which takes no space and needs the same file system.
        durable, previous: as in `atomic_write`.

    Raises:
        RunError: if the copy cannot be written.
    """
    with atomic_write(path, durable, previous) as temporary:
        if not link:
            shutil.copyfile(source, temporary)
            return
        try:
            os.link(os.path.realpath(source), temporary)
        except OSError as error:
            raise RunError(f"cannot link {source} to {path}: {error.strerror}; copy it instead") from error


def make_folder(path: str | pathlib.Path) -> pathlib.Path:
    """Creates a folder and its parents, if they do not exist.

    Returns:
        The folder's path.

    Raises:
        RunError: if it cannot be created.
    """
    try:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot create the folder {path}: {error.strerror}") from error
    return pathlib.Path(path)


def write_text(path: str | pathlib.Path, text: str) -> None:
    """Writes a UTF-8 text file atomically. Bytes of file names that are not UTF-8 are escaped, as JSON does.

    Raises:
        RunError: if the file cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: str | pathlib.Path, values: object) -> None:
    """Writes indented JSON atomically. None, which stands for an undefined score, becomes null."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def parse_json(text: str | bytes) -> object:
    """Parses JSON from a file that somebody else may have written.

    Raises:
        ValueError: if it is no JSON, nested too deeply, or has an object with a key twice, which means two things.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique_keys(pairs):
    """Returns a JSON object as a dict."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {brief(next(key for key in keys if keys.count(key) > 1))} is there twice")
    return values


def write_rows(path: str | pathlib.Path, rows: list[dict]) -> None:
    """Writes a list of dicts as CSV, see `rows_text`."""
    write_text(path, rows_text(rows))


def rows_text(rows: list[dict]) -> str:
    """Formats a list of dicts as CSV; the columns are the keys of all rows, in order of first appearance.

    A row is one line: texts are escaped by `text.printable`.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: printable(value) if isinstance(value, str) else value for key, value in row.items()})
    return text.getvalue()
