"""Annotations of all kinds, mutated: a right result or a short line of error."""

import random

import pytest

from tools.soak.annotations import ENTITIES, TARGETS, mutate_xml
from tools.soak.mask_sources import OFFICIAL, WRITERS

CASES = 12  # of each target; tools/soak.py reads thousands


def read(target, path):
    """Reads a file: the result, or the message of an error of the suite, which must be short and name a file."""
    try:
        return target.read(path)
    except Exception as error:
        assert hasattr(error, "exit_code"), repr(error)[:300]
        message = str(error)
        assert len(message.splitlines()) == 1 and len(message) < 300, message
        assert str(path.parent) in message or "--" in message or path.parent.name in message, message
        return message.encode()


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files(name, tmp_path):
    target, refused = TARGETS[name], 0
    (tmp_path / "valid").mkdir()
    assert not isinstance(read(target, target.make(tmp_path / "valid")), bytes)
    for case in range(CASES):
        folder = tmp_path / "a" / f"{case}"
        folder.mkdir(parents=True)
        path = target.make(folder)
        before = path.read_bytes()
        target.mutate(path, random.Random(f"{name} {case}"))
        refused += isinstance(read(target, path), bytes) and path.read_bytes() != before
    assert refused or name in ("log.csv", "scores.json")  # what is damaged in them is left out
    assert {path.name for path in tmp_path.iterdir()} == {"a", "valid"}


def test_every_format_with_annotations_is_a_target():
    formats = {format for format, _ in (WRITERS | OFFICIAL).values()}
    without = {"cityscapes", "coco_stuff", "folder"}  # masks only
    tables = WRITERS | OFFICIAL
    targets = {tables[name.partition(":")[0]][0] for name in TARGETS if name.partition(":")[0] in tables}
    assert targets == formats - without


def test_entities_are_those_of_the_billion_laughs(tmp_path):
    assert ENTITIES.startswith('<!ENTITY b "&a;&a;') and ENTITIES.count("&h;") == 10
    target, changes = TARGETS["cvat"], set()
    for seed in range(60):
        path = target.make(tmp_path)
        mutate_xml(path, random.Random(seed))
        text = path.read_text(errors="replace")
        changes |= {word for word in ("ENTITY b", "SYSTEM", "<a><a><a>", "<skeleton>") if word in text}
    assert len(changes) == 4
