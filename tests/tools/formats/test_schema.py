"""Checked fields of JSON objects and XML attributes."""

import pytest

from tools.formats.schema import Fields, check_points, read_json, read_lines, read_xml
from utils.errors import UsageError


def test_values_of_the_right_kind():
    values = {"a": "x", "n": "2.50", "i": 8.0, "l": [1], "o": [{}, {}], "p": [[1, 2]], "id": 7}
    fields = Fields({**values, "none": None, "empty": ""}, "f")
    assert (fields.text("a"), fields.number("n"), fields.integer("i"), fields.items("l")) == ("x", 2.5, 8, [1])
    assert fields.text("none", "default") == fields.text("empty", "default") == "default"
    assert fields.number("missing", 3) == 3
    assert [one.place for one in fields.objects("o", "shape")] == ["f, shape 1", "f, shape 2"]
    assert fields.points("p", 1).tolist() == [[1, 2]] and fields.id("id") == "7" and fields.id("a") == "x"


@pytest.mark.parametrize(
    "read, words",
    [
        (lambda: Fields([], "f, shape 1"), r"f, shape 1 is \[\], no object"),
        (lambda: Fields({}, "f").text("a"), "f: a is missing; correct it, or export"),
        (lambda: Fields({"a": ""}, "f").text("a"), "f: a is missing"),
        (lambda: Fields({"a": True}, "f").number("a"), "f: a is True, no number"),
        (lambda: Fields({"a": float("inf")}, "f").number("a"), "f: a is inf, no number"),
        (lambda: Fields({"a": "1e999"}, "f").number("a"), "no number"),
        (lambda: Fields({"a": 2.5}, "f").integer("a"), "f: a is 2.5, no whole number"),
        (lambda: Fields({"a": {}}, "f").items("a"), "no list"),
        (lambda: Fields({"a": [1]}, "f").objects("a", "shape"), "f, shape 1 is 1, no object"),
        (lambda: Fields({"a": 1.5}, "f").id("a"), "no id"),
        (lambda: check_points([[1, 2], [3]], "f"), "no list of x, y pairs"),
        (lambda: check_points([[1, 2, 3]], "f"), "no list of x, y pairs"),
        (lambda: check_points([], "f"), "number of points is 0; at least 3"),
        (lambda: check_points([[1, 2], [3, 4], [None, 1]], "f"), "a coordinate is nan"),
        (lambda: check_points([[1, 2], [3, 4], [-1e7, 1]], "f"), "a coordinate is -1e"),
    ],
)
def test_values_of_other_kinds(read, words):
    with pytest.raises(UsageError, match=words):
        read()


def test_unreadable_files(tmp_path):
    path = tmp_path / "a"
    for content in (b"", b"[1,", b"\xff\xfe", b"<a>"):
        path.write_bytes(content)
        for read in (read_json, read_xml):
            with pytest.raises(UsageError, match=f"cannot read {path}: .*is the file complete"):
                read(path)
    path.write_bytes(b"\xff\xfe")
    for read in (read_json, read_xml, read_lines):
        with pytest.raises(UsageError, match=str(path)):
            read(path)
        with pytest.raises(UsageError, match="none: No such file or directory;"):
            read(tmp_path / "none")
    path.write_text("\n a \n\nb", encoding="utf-8-sig")
    assert read_lines(path) == [(2, "a"), (4, "b")]


def test_json_that_is_refused(tmp_path):
    path = tmp_path / "a.json"
    for content, problem in (
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a": 1, "a": 2}', "the key a is there twice"),
    ):
        path.write_text(content)
        with pytest.raises(UsageError, match=f"cannot read {path}: {problem}; correct it, or export"):
            read_json(path)


@pytest.mark.parametrize(
    "content, problem",
    [
        ('<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>', "it has a document type"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "it has a document type"),
        ('<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "it has a document type"),
        ("<a>" * 100_000, "elements are nested more than 100 deep"),
        ('<a b="1" b="2"/>', "duplicate attribute"),
        ('<?xml version="1.0" encoding="none"?><a/>', "unknown encoding"),
        ("<a>&b;</a>", "undefined entity"),
    ],
)
def test_xml_that_is_refused(tmp_path, content, problem):
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"cannot read {path}: {problem}"):
        read_xml(path)


def test_xml(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes('<?xml version="1.0" encoding="latin-1"?><a b="é">x<c/>y<!-- z --></a>'.encode("latin-1"))
    root = read_xml(path)
    assert (root.tag, root.get("b"), root.text, root[0].tag, root[0].tail) == ("a", "é", "x", "c", "y")


def test_long_culprits_are_shortened():
    for value in ("x" * 100_000, [[[["x" * 1000] * 100]]], {"a" * 1000: 1}, 10**4000, "9" * 4000, 1e300):
        with pytest.raises(UsageError) as caught:
            Fields({"a": value}, "f").integer("a")
        assert len(str(caught.value)) < 150
