"""Atomic file writes: write to a temporary file, then rename it."""

import contextlib
import csv
import io
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

from utils.errors import RunError


@contextlib.contextmanager
def atomic_write(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Context that renames a temporary file to `path` once it is complete.

    Args:
        path: the file to create or replace; if writing fails, it keeps its old content.

    Yields:
        The temporary path to write to, in the same folder and with the same extension.

    Raises:
        RunError: if the file cannot be written.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()  # incomplete, as after a full disk
        if isinstance(error, OSError):
            raise RunError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def copy_file(source: str | pathlib.Path, path: str | pathlib.Path, link: bool = False) -> None:
    """Copies or hard-links a file atomically.

    Args:
        source: the file to copy.
        path: the copy.
        link: whether to create a hard link, which takes no space and needs the same file system.

    Raises:
        RunError: if the copy cannot be written.
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
    """Writes a UTF-8 text file atomically.

    Raises:
        RunError: if the file cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | pathlib.Path, values: object) -> None:
    """Writes indented JSON atomically. None, which stands for an undefined score, becomes null."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_rows(path: str | pathlib.Path, rows: list[dict]) -> None:
    """Writes a list of dicts as CSV, see `rows_text`."""
    write_text(path, rows_text(rows))


def rows_text(rows: list[dict]) -> str:
    """Formats a list of dicts as CSV; the columns are the keys of all rows, in order of first appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
