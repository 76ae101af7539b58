"""Names from files: those that stay in a folder, and those that do not."""

import pytest

from utils.errors import UsageError
from utils.safe_paths import leaves, safe_path


@pytest.mark.parametrize(
    "name", ("a.png", "sub/a b.png", "sub\\a.png", "./a.png", "..a.png", "a..png", "é/车.png", ".a")
)
def test_names_below_the_folder(tmp_path, name):
    path = safe_path(tmp_path, name, "list.txt, line 3")
    assert path == tmp_path.joinpath(*name.replace("\\", "/").split("/"))


@pytest.mark.parametrize(
    "name, problem",
    [
        ("../a.png", r"leads out of its folder by '\.\.'"),
        ("sub/../../a.png", r"leads out of its folder by '\.\.'"),
        ("sub\\..\\..\\a.png", r"leads out of its folder by '\.\.'"),
        ("/etc/passwd", "is an absolute path"),
        ("\\\\server\\share\\a", "is an absolute path"),
        ("C:\\a.png", "is an absolute path"),
        ("c:a.png", "is an absolute path"),
        ("", "is empty"),
        (" ", "is empty"),
        ("..", "names no file"),
        (".", "names no file"),
        ("a\0b", "has control characters"),
        ("a\nb", "has control characters"),
        ("a\u2028b", "has control characters"),
        ("\ud800", "is not Unicode"),
        ("é" * 200, "has more than 255 bytes"),
        ("x" * 100_000, "has more than 255 bytes"),
    ],
)
def test_unsafe_names_are_one_line(tmp_path, name, problem):
    with pytest.raises(UsageError, match=f"^list.txt, line 3: the name '.*' {problem}; correct it") as caught:
        safe_path(tmp_path, name, "list.txt, line 3")
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 150 and message.encode()


def test_symbolic_links(tmp_path):
    folder, outside = tmp_path / "in", tmp_path / "outside"
    for path in (folder / "real", outside):
        path.mkdir(parents=True)
        (path / "a.png").write_bytes(b"")
    (folder / "inner").symlink_to(folder / "real")
    (folder / "outer").symlink_to(outside)
    (folder / "file.png").symlink_to(outside / "a.png")
    (tmp_path / "alias").symlink_to(folder)  # a folder that is a link itself
    assert safe_path(tmp_path / "alias", "inner/a.png", "f").is_file()
    for name in ("outer/a.png", "outer/new.png", "file.png"):
        with pytest.raises(UsageError, match=f"f: {name} leads out of its folder by a symbolic link"):
            safe_path(folder, name, "f")
        assert safe_path(folder, name, "f", follow_links=True) == folder / name
    (folder / "loop").symlink_to(folder / "loop")
    safe_path(folder, "loop", "f")


def test_a_folder_of_a_similar_name_is_outside(tmp_path):
    assert leaves(tmp_path / "data2" / "a", tmp_path / "data") and leaves(
        tmp_path / "data" / ".." / "b", tmp_path / "data"
    )
    assert not leaves(tmp_path / "data", tmp_path / "data") and not leaves("/etc", "/")
