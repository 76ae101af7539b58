"""Settings read from checkpoints and JSON files, and the errors of files that have none."""

import json
import zipfile

import pytest

from utils.checkpoint_archive import SUITE_MEMBER
from utils.errors import UsageError
from utils.settings import (
    check_classes,
    check_complete,
    checkpoint_identity,
    read_checkpoint,
    read_settings,
    weights_checksum,
)

SETTINGS, STATE = {"model": "tiny", "class_names": ["a", "ü"]}, {"epoch": 3}


def write_archive(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    member = {SUITE_MEMBER.replace(".", "_"): json.dumps({"settings": SETTINGS, "state": STATE})}
    return write_archive(tmp_path / "model.keras", **member, config_json="{}")


def test_settings_and_state_of_a_checkpoint(checkpoint):
    assert read_checkpoint(checkpoint) == read_checkpoint(str(checkpoint)) == (SETTINGS, STATE)
    assert read_settings(checkpoint) == SETTINGS


def test_identity_is_that_of_the_weights(tmp_path):
    def write(name, weights, log=()):
        member = {SUITE_MEMBER.replace(".", "_"): json.dumps({"settings": {}, "state": {"log": list(log)}})}
        return write_archive(tmp_path / name, **member, weights_h5=weights)

    first, copy, other = (
        write("a.keras", "12", [{"epoch": 0}, {"epoch": 1}]),
        write("b.keras", "12"),
        write("c.keras", "13"),
    )
    assert weights_checksum(first) == weights_checksum(copy) != weights_checksum(other)
    assert checkpoint_identity(first) == {"epoch": 1, "weights": weights_checksum(first)}
    assert checkpoint_identity(copy)["epoch"] is None
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    identity = checkpoint_identity(tmp_path / "model.onnx")
    assert identity["weights"] is None and identity["modified"] == (tmp_path / "model.onnx").stat().st_mtime
    assert weights_checksum(tmp_path / "model.onnx") is weights_checksum(tmp_path / "gone.keras") is None


def test_settings_of_a_json_file(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(SETTINGS, ensure_ascii=False), encoding="utf-8")
    assert read_settings(path) == read_settings(str(path)) == SETTINGS


@pytest.mark.parametrize("read", [read_checkpoint, read_settings])
@pytest.mark.parametrize(
    "write, words",
    [
        (lambda path: None, "there is no checkpoint"),
        (lambda path: path.mkdir(), "there is no checkpoint"),
        (lambda path: path.write_bytes(b"PK damaged"), "is damaged or not a .keras checkpoint"),
        (lambda path: path.write_bytes(b""), "is damaged or not a .keras checkpoint"),
        (lambda path: write_archive(path, config_json="{}"), "is a Keras model that train.py did not write"),
        (lambda path: write_archive(path, suite_json="{"), "is damaged or not a .keras checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, read, write, words):
    path = tmp_path / "model.keras"
    write(path)
    with pytest.raises(UsageError) as error:
        read(path)
    assert words in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    "text, words",
    [(None, "cannot be read: No such file"), ("{", "is not JSON"), ("[1, 2]", "must hold an object of flags")],
)
def test_what_is_no_settings_file_is_refused(tmp_path, text, words):
    path = tmp_path / "settings.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_settings(path)
    assert words in str(error.value) and str(path) in str(error.value)


def test_difference_of_classes_is_told():
    check_classes("a.keras", {"class_names": ["a", "b"]}, ("a", "b"), "data", "remedy")
    for names, words in (
        (["a", "c", "d"], "2 classes, and data has 3: only the checkpoint has b; only data has c, d; do this"),
        (["b", "a"], "2 classes, and data has 2: they are in another order; do this"),
        ([f"class {i}" for i in range(200)], "only the checkpoint has a, b; only data has class 0, "),
    ):
        with pytest.raises(UsageError) as error:
            check_classes("a.keras", {"class_names": ["a", "b"]}, names, "data", "do this")
        assert words in str(error.value) and len(str(error.value)) < 300


def test_missing_settings_are_told():
    with pytest.raises(UsageError, match="a.keras has no class_names in its settings"):
        check_complete({"model": "tiny"}, "a.keras")
