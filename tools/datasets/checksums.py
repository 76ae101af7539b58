"""SHA-256 sums of downloaded files, in the format of the program sha256sum: comparison and record."""

import hashlib
import pathlib
import re
import threading

from utils.errors import RunError, UsageError
from utils.files import make_folder, write_text
from utils.safe_paths import safe_path
from utils.text import brief

NAME = "SHA256SUMS"  # of the record
LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def read_sums(path: pathlib.Path) -> dict[str, str]:
    """Reads a file of checksums.

    Returns:
        Dict from relative paths, with slashes, to sums in lower case.

    Raises:
        UsageError: if a line is no sum and path, or a path is there twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--sha256sums {path} cannot be read: {brief(str(error), 100)}") from error
    sums = {}
    for number, line in enumerate(lines, 1):
        match, place = LINE.fullmatch(line), f"--sha256sums {path}, line {number}"
        if not match:
            raise UsageError(f"{place}: '{brief(line)}' is no SHA-256 sum, two spaces and a path")
        name = safe_path("", match[2], place, follow_links=True).as_posix()
        if name in sums:
            raise UsageError(f"{place}: {brief(name)} is there twice")
        sums[name] = match[1].lower()
    return sums


class Checksums:
    """Sums of the files of a download, which a later run continues. Methods may be called by several threads.

    Args:
        folder: of the download, in which `SHA256SUMS` grows by a line for each file.
        expected: dict from paths to sums, as of `read_sums`, or None to accept all.
    """

    def __init__(self, folder: pathlib.Path, expected: dict[str, str] | None = None):
        self.path, self.expected, self._lock = folder / NAME, expected, threading.Lock()
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.is_file() else ""
        matches = (LINE.fullmatch(line) for line in text.splitlines())
        self.known = {match[2]: match[1] for match in matches if match}
        if text and not text.endswith("\n"):
            self.finish()  # without the incomplete line of a killed run

    def require(self, names) -> None:
        """Raises UsageError if `expected` lacks a file."""
        missing = [name for name in names if self.expected is not None and name not in self.expected]
        if missing:
            raise UsageError(f"--sha256sums has no sum of {len(missing)} files, such as {brief(missing[0])}")

    def has(self, name: str) -> bool:
        """Returns whether an earlier run has downloaded a file with the expected sum."""
        return name in self.known and (self.expected is None or self.known[name] == self.expected.get(name))

    def add(self, name: str, data: bytes) -> None:
        """Compares a downloaded file with its expected sum and records it.

        Raises:
            RunError: if the sums differ.
        """
        found = hashlib.sha256(data).hexdigest()
        if self.expected is not None and found != self.expected.get(name):
            wanted = self.expected.get(name, "none")
            raise RunError(f"{name} has the SHA-256 sum {found[:16]}..., expected {wanted[:16]}...: another file")
        with self._lock:
            self.known[name] = found
            make_folder(self.path.parent)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{found}  {name}\n")

    def finish(self) -> None:
        """Writes the record anew, sorted, each file once."""
        write_text(self.path, "".join(f"{found}  {name}\n" for name, found in sorted(self.known.items())))
