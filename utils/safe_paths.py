"""Safe paths: names that come from files, joined to a folder that they cannot leave."""

import os
import pathlib
import re

from utils.errors import UsageError
from utils.text import brief

MOST_BYTES = 255  # of the name of a file or folder, on most file systems
DRIVE = re.compile(r"[A-Za-z]:")
SEPARATOR = re.compile(r"[/\\]")
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")  # NUL, newlines and the like
REMEDY = "correct it, or export the file again"
LINK_REMEDY = "replace the link by the files"


def safe_path(
    folder: str | os.PathLike, name: str | os.PathLike, place: object, follow_links: bool = False
) -> pathlib.Path:
    """Joins a folder and a name that a list, an annotation, an archive, a checkpoint or a web page gives.

    Args:
        folder: that the path must not leave: of the source for reading, of the target for writing.
        name: relative path; slashes and backslashes separate its parts.
        place: of the name, such as "a.json, image 3", with which errors begin.
        follow_links: whether symbolic links in the folder may lead out of it.

    Returns:
        Path below `folder`; it need not exist.

    Raises:
        UsageError: for absolute paths, drive letters, `..`, control characters such as NUL and newline, names that are
            empty or too long, and symbolic links that lead out of the folder.
    """
    name = os.fspath(name)
    problem = problem_of_name(name)
    if problem:
        raise UsageError(f"{place}: the name '{brief(name)}' {problem}; {REMEDY}")
    path = pathlib.Path(folder, *SEPARATOR.split(name))
    if not follow_links and leaves(path, folder):
        raise UsageError(f"{place}: {brief(name)} leads out of its folder by a symbolic link; {LINK_REMEDY}")
    return path


def problem_of_name(name: str) -> str | None:
    """Describes why a name is unsafe as a relative path; None if it is safe."""
    parts = SEPARATOR.split(name)
    if CONTROL.search(name):
        return "has control characters"
    if not name.strip(". "):
        return "is empty" if not name.strip() else "names no file"
    if not parts[0] or DRIVE.match(name):
        return "is an absolute path"
    if ".." in parts:
        return "leads out of its folder by '..'"
    try:
        longest = max(len(os.fsencode(part)) for part in parts)
    except UnicodeEncodeError:
        return "is not Unicode"
    return f"has more than {MOST_BYTES} bytes" if longest > MOST_BYTES else None


def leaves(path: str | os.PathLike, folder: str | os.PathLike) -> bool:
    """Returns whether a path is outside a folder, once `..` and all symbolic links are resolved."""
    root, resolved = os.path.realpath(folder), os.path.realpath(path)
    return resolved != root and not resolved.startswith(os.path.join(root, ""))
