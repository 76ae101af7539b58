"""Files appear whole or not at all."""

import pytest

from utils.errors import WorkFailed
from utils.files import replacing


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")
    return path


def test_the_new_file_takes_the_place_of_the_old_one(target):
    with replacing(target) as temporary:
        assert temporary.parent == target.parent and temporary.suffix == target.suffix
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("a bug")])
def test_a_failure_leaves_the_old_file_and_nothing_else(target, error):
    expected = WorkFailed if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as raised, replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    if expected is WorkFailed:
        assert str(raised.value) == f"cannot write {target}: No space left on device"
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["scores.json"]
