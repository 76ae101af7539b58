import json
import zipfile

import pytest

from utils.checkpoint_archive import SUITE_MEMBER
from utils.checkpoint_choice import damaged_checkpoint, other_checkpoints
from utils.errors import UsageError
from utils.run_folder import RunFolder
from utils.settings import read_checkpoint, read_settings


def write(path, epoch, step=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(SUITE_MEMBER, json.dumps({"settings": {}, "state": {"epoch": epoch, "step": step}}))


@pytest.fixture
def run(tmp_path):
    """A run with a damaged latest checkpoint, three good ones and a damaged one of an epoch."""
    run = RunFolder(tmp_path / "a b", "tiny", "Streets")
    write(run.best, 4)
    write(run.previous, 7, 12)
    write(run.epoch(5) / "model.keras", 6)
    write(run.epoch(6) / "model.keras", 9)
    data = bytearray((run.epoch(6) / "model.keras").read_bytes())
    data[60] ^= 1
    (run.epoch(6) / "model.keras").write_bytes(data)
    run.latest.write_bytes(b"PK damaged")
    return run


def test_undamaged_ones_come_most_advanced_first(run):
    expected = [(run.previous, 7, 12), (run.folder / "0005" / "model.keras", 6, 0), (run.best, 4, 0)]
    assert other_checkpoints(run.latest) == expected
    assert other_checkpoints(run.folder / "0006" / "model.keras") == expected
    assert other_checkpoints(run.best) == expected[:2]


def test_command_is_offered(run):
    for read, remedy in (
        (read_checkpoint, f"--checkpoint_path '{run.previous}'"),
        (read_settings, f"--checkpoint_path '{run.previous}'"),
        (lambda path: read_checkpoint(path, resumes=True), f"cp '{run.previous}' '{run.latest}'"),
    ):
        with pytest.raises(UsageError) as error:
            read(run.latest)
        assert f"{run.latest} is damaged" in str(error.value) and "\n" not in str(error.value)
        assert f"go on from epoch 7 with: {remedy}" in str(error.value)
        assert "(also undamaged: 0005/model.keras, best_model.keras)" in str(error.value)


def test_a_checkpoint_without_settings(run):
    with zipfile.ZipFile(run.latest, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(UsageError) as error:
        read_checkpoint(run.latest, resumes=True)
    assert f"{run.latest} is a Keras model that train.py did not write: it has no settings; " in str(error.value)
    assert f"go on from epoch 7 with: cp '{run.previous}' '{run.latest}'" in str(error.value)


def test_nothing_is_offered_where_nothing_is(tmp_path):
    assert (
        str(damaged_checkpoint(tmp_path / "a.keras", "why")) == f"{tmp_path}/a.keras is damaged or not a .keras "
        "checkpoint (why)"
    )
