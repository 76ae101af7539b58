import json
import zipfile

import pytest

from utils import checkpoint_archive
from utils.checkpoint_archive import SUITE_MEMBER, check_archive, read_archive
from utils.errors import UnreadableError

GOOD = {"settings": {"model": "tiny", "class_names": ["a", "b"]}, "state": {"epoch": 3, "log": [{"epoch": 2}]}}


def write(path, values=GOOD, **members):
    """An archive with settings, state and other members, compressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        text = values if isinstance(values, str) else json.dumps(values)
        archive.writestr(SUITE_MEMBER, text)
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def changed(kind, key, value):
    return {**GOOD, kind: {**GOOD[kind], key: value}}


def test_settings_and_state(tmp_path):
    assert read_archive(write(tmp_path / "a.keras")) == (GOOD["settings"], GOOD["state"])


@pytest.mark.parametrize(
    "values, words",
    [
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must have the objects"),
        ({"settings": {}, "state": []}, "must have the objects"),
        (changed("settings", "model", 3), "wrong value of model in its settings"),
        (changed("settings", "class_names", ["a", None]), "class_names"),
        (changed("settings", "label_values", [[0, 0, 256]]), "label_values"),
        (changed("settings", "ignored", {"sky": [0]}), "ignored"),
        (changed("state", "epoch", -1), "wrong value of epoch in its state"),
        (changed("state", "epoch", True), "epoch"),
        (changed("state", "log", [[]]), "log"),
        (changed("state", "pending", {"seconds": "1"}), "pending"),
        (changed("state", "sums", {"seconds": 1, "learning_rate": 1, "metrics": [[1, ["x"]]]}), "sums"),
        (changed("state", "trained_with", {"batch_size": 0, "steps": None, "images": None}), "trained_with"),
        (changed("state", "schedule_shift", 0.5), "schedule_shift"),
    ],
)
def test_wrong_types_are_told(tmp_path, values, words):
    with pytest.raises(UnreadableError, match=words):
        read_archive(write(tmp_path / "a.keras", values))


def test_members_have_a_limited_size(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_archive, "MAX_TEXT", 100)
    monkeypatch.setattr(checkpoint_archive, "UNCHECKED_BYTES", 10_000)
    path = write(tmp_path / "a.keras", changed("state", "padding", " " * 200), weights=bytes(1000))
    with pytest.raises(UnreadableError, match=f"{SUITE_MEMBER} is larger than 100 bytes"):
        read_archive(path)
    check_archive(path)
    with pytest.raises(UnreadableError, match="members have .* bytes, and the file"):
        check_archive(write(tmp_path / "a.keras", weights=bytes(100_000)))


def test_every_byte_of_every_member_counts(tmp_path):
    data = bytearray(write(tmp_path / "a.keras", weights=bytes(range(100))).read_bytes())
    check_archive(tmp_path / "a.keras")
    at = data.index(b"weights") + len(b"weights") + 20
    data[at] ^= 1
    (tmp_path / "a.keras").write_bytes(data)
    with pytest.raises(UnreadableError, match="checksum of weights is wrong|invalid|incorrect"):
        check_archive(tmp_path / "a.keras")
