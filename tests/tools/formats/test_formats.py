"""Contract of all readers: right labels from files as the tools write them, one-line errors from damaged ones."""

import json
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
import tiny_sources

from tools import convert_dataset
from tools.formats import FORMATS, Options
from utils.class_dict import IGNORED
from utils.data.folder import list_pairs, read_classes
from utils.errors import UsageError

ALL = tiny_sources.WRITERS | tiny_sources.OFFICIAL
VARIANTS = 120  # of the damaged variants of a file, drawn at random
OTHER_VALUES = (None, "x", -1, 1e9, float("nan"), [], {}, [[None]], True, [1, 2, 3])
OTHER_TEXTS = ("", "x", "-1", "1e999", "nan", "0", "9" * 30, "1,2;3")
SPLIT_FORMATS = {"cvat_project", "coco", "coco_roboflow", "yolo", "yolo_roboflow", "roboflow_masks", "coco_panoptic"}


@pytest.mark.parametrize("name", tiny_sources.WRITERS)
def test_every_source_becomes_the_same_dataset(name, tmp_path, capsys):
    format, write = tiny_sources.WRITERS[name]
    write(tmp_path / "in")
    target = tmp_path / "out"
    assert convert_dataset.main(["--format", format, "--source", str(tmp_path / "in"), "--target", str(target)]) == 0
    classes = read_classes(target)
    assert sorted(classes.class_names) == ["background", "car", "road"]
    names = np.array(classes.class_names, object)
    stems = {}
    for split in ("train", "val", "test"):
        for pair in list_pairs(target, split):
            label = cv2.imread(str(pair.label), cv2.IMREAD_UNCHANGED)
            if name != "cvat_video" or "000001" in pair.name:  # the car moves in the others
                assert (names[label] == tiny_sources.expected()).all(), label
            assert cv2.imread(str(pair.image)).shape[:2] == tiny_sources.SIZE
            stems[split] = pair.name
    assert len(stems) == 3
    if name in SPLIT_FORMATS:
        assert [stems[split][0] for split in tiny_sources.SPLITS] == ["a", "b", "c"]
    else:
        assert "divided by --fractions" in capsys.readouterr().out


def test_every_format_has_a_tiny_source():
    assert {format for format, _ in ALL.values()} == set(FORMATS)


def outcome(format, folder, size=tiny_sources.SIZE):
    """Reads a source and all its labels: the source, or the message of the error."""
    try:
        source = FORMATS[format].read(folder, Options())
        for item in source.items:
            label = item.label()
            assert label.dtype == np.uint8 and label.shape == (size or label.shape)
            assert ((label < source.classes.num_classes) | (label == IGNORED)).all()
        return source
    except UsageError as error:
        return str(error)


def check(format, folder, what, size=tiny_sources.SIZE):
    """Checks that a damaged source is read, or refused in one line that names it."""
    result = outcome(format, folder, size)
    if isinstance(result, str):
        assert result and "\n" not in result and len(result) < 300, f"{what}: {result}"
        assert str(folder) in result or "--" in result, f"{what} names no file: {result}"
    return result


def damaged_json(content):
    """Yields copies of a JSON content, each without one of its values or with another one there."""

    def paths(value, path=()):
        yield path
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in list(children)[:4] if isinstance(value, list) else children:
            yield from paths(child, (*path, key))

    for path in list(paths(content))[1:]:
        for other in (..., *OTHER_VALUES):
            copy = json.loads(json.dumps(content))
            parent = copy
            for key in path[:-1]:
                parent = parent[key]
            if other is ...:
                del parent[path[-1]]
            else:
                parent[path[-1]] = other
            yield f"{path} = {other}", json.dumps(copy)


def damaged_xml(content):
    """Yields copies of an XML content, each without an attribute or element or with another value there."""
    count = len(list(ElementTree.fromstring(content).iter()))
    for number in range(count):
        keys = list(list(ElementTree.fromstring(content).iter())[number].attrib)
        for key in keys:
            for other in (..., *OTHER_TEXTS):
                root = ElementTree.fromstring(content)
                element = list(root.iter())[number]
                if other is ...:
                    del element.attrib[key]
                else:
                    element.set(key, other)
                yield f"{element.tag} {key} = {other}", ElementTree.tostring(root, encoding="unicode")
        root = ElementTree.fromstring(content)
        parents = {child: parent for parent in root.iter() for child in parent}
        element = list(root.iter())[number]
        if element in parents:
            parents[element].remove(element)
            yield f"no {element.tag}", ElementTree.tostring(root, encoding="unicode")


def damaged_lines(content):
    """Yields copies of a text, each without a line or a word, or with another word there."""
    lines = content.splitlines()
    for number, line in enumerate(lines):
        yield f"no line {number}", "\n".join(lines[:number] + lines[number + 1 :])
        words = re.split(r"([ ,:;'\[\]]+)", line)
        for place in range(0, len(words), 2):
            for other in ("", "x", "-1", "nan", "1e9"):
                changed = "".join([*words[:place], other, *words[place + 1 :]])
                yield f"line {number} = {changed}", "\n".join([*lines[:number], changed, *lines[number + 1 :]])


@pytest.mark.parametrize("name", ALL)
def test_damaged_annotations_are_one_line(name, tmp_path):
    format, write = ALL[name]
    write(tmp_path)
    kinds = {".json": lambda text: damaged_json(json.loads(text)), ".xml": damaged_xml}
    seen, noticed = set(), 0
    for path in sorted(tmp_path.rglob("*")):
        kind = (path.suffix, re.sub("train|valid|val|test|^[abc]$", "", path.stem))
        if path.suffix not in (".json", ".xml", ".txt", ".csv", ".yaml") or kind in seen:
            continue
        seen.add(kind)
        content = path.read_bytes()
        for size in (0, 1, len(content) // 3, len(content) - 2):
            path.write_bytes(content[:size])
            check(format, tmp_path, f"{path.name} cut to {size}")
        path.write_bytes(b"\xff\xfe\x00" + content)
        check(format, tmp_path, f"{path.name} in another encoding")
        variants = list(kinds.get(path.suffix, damaged_lines)(content.decode()))
        for what, text in random.Random(name).sample(variants, min(VARIANTS, len(variants))):
            path.write_text(text)
            result = check(format, tmp_path, f"{path.name}: {what}")
            noticed += isinstance(result, str) or bool(result.notes)
        path.write_bytes(content)
    assert noticed > 5 or not seen
    assert not isinstance(outcome(format, tmp_path), str)


@pytest.mark.parametrize("name", ALL)
def test_damaged_and_missing_images_are_one_line(name, tmp_path):
    format, write = ALL[name]
    write(tmp_path / "whole")
    suffixes = (".jpg", ".png", ".PNG")
    images = [path.relative_to(tmp_path / "whole") for path in sorted((tmp_path / "whole").rglob("*"))]
    for image in [path for path in images if path.suffix in suffixes][:6]:
        folder = tmp_path / "copy"
        for damage in (lambda path: path.write_bytes(path.read_bytes()[:20]), lambda path: path.write_bytes(b""),
                       lambda path: tiny_sources.photo(path, (3, 5)), lambda path: path.unlink()):  # fmt: skip
            shutil.copytree(tmp_path / "whole", folder)
            damage(folder / image)
            check(format, folder, image, size=None)  # convert_dataset.py compares the sizes of masks and images
            shutil.rmtree(folder)


@pytest.mark.parametrize("name", [name for name in ALL if name != "labelme_inside"])
def test_an_export_without_images_says_so(name, tmp_path):
    format, write = ALL[name]
    write(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.suffix.lower() in (".jpg", ".png"):
            path.unlink()
    assert isinstance(check(format, tmp_path, name), str)
