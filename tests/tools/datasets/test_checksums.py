"""Files of SHA-256 sums."""

import hashlib

import pytest

from tools.datasets.checksums import NAME, Checksums, read_sums
from utils.errors import RunError, UsageError

SUM = hashlib.sha256(b"a").hexdigest()


def test_lines_of_sha256sum(tmp_path):
    path = tmp_path / "sums"
    path.write_text(f"{SUM}  train/a.png\n{SUM.upper()} *val/b c.png\n")
    assert read_sums(path) == {"train/a.png": SUM, "val/b c.png": SUM}


@pytest.mark.parametrize(
    "content, words",
    [
        (b"none", "line 1: 'none' is no SHA-256 sum"),
        (f"{SUM}  a\n{SUM[:-1]}  b".encode(), "line 2: '.*' is no SHA-256 sum"),
        (f"{SUM}  ../a".encode(), r"line 1: the name '../a' leads out of its folder"),
        (f"{SUM}  /etc/a".encode(), "line 1: the name '/etc/a' is an absolute path"),
        (f"{SUM}  a\n{SUM}  a".encode(), "line 2: a is there twice"),
        (b"\xff", "cannot be read"),
        (b"x" * 100_000, r"line 1: 'x+\.\.\.' is no SHA-256 sum"),
    ],
)
def test_other_files(tmp_path, content, words):
    path = tmp_path / "sums"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"--sha256sums {path}.*{words}") as caught:
        read_sums(path)
    assert len(str(caught.value)) < 300


def test_a_record_grows_and_is_continued(tmp_path):
    first = Checksums(tmp_path)
    first.add("b", b"a")
    first.add("a", b"b")
    with (tmp_path / NAME).open("a") as file:
        file.write(f"{SUM[:20]}")  # a killed run
    second = Checksums(tmp_path, {"b": SUM, "a": SUM})
    assert second.has("b") and not second.has("a") and not second.has("c")
    with pytest.raises(
        RunError, match="a has the SHA-256 sum 3e23e8160039594a..., expected ca978112ca1bbdca...: another"
    ):
        second.add("a", b"b")
    second.expected = None
    second.add("c", b"b")
    assert Checksums(tmp_path).known == {"a": first.known["a"], "b": SUM, "c": first.known["a"]}
    first.finish()
    assert (tmp_path / NAME).read_text() == f"{hashlib.sha256(b'b').hexdigest()}  a\n{SUM}  b\n"
