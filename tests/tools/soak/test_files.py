"""Images, labels and checkpoints, mutated: a right result or a short line of error."""

import random
import struct

import numpy as np
import pytest

from tools.soak import files, fuzz
from tools.soak.files import IMAGES, LABELS, TARGETS
from utils.data.images import EXTENSIONS
from utils.data.png import pixels_of_png

CASES = 4  # of each target; tools/soak.py reads thousands


def outcome(target, path):
    """Reads a file: "result", or "refused" for a short line of an error of the suite."""
    try:
        target.read(path)
    except Exception as error:
        kind, message = fuzz.judge(error)
        assert kind == "refused", message
        return kind
    return "result"


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files(name, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", None)  # read_network sets it
    target = TARGETS[name]
    path = target.make(tmp_path)
    assert outcome(target, path) == "result"
    before = path.read_bytes()
    for case in range(1 if name == "checkpoint" else CASES):
        path.write_bytes(before)
        target.mutate(path, random.Random(f"{name} {case}"))
        assert outcome(target, path) in ("result", "refused")


def test_every_format_is_a_target():
    names = {"jpg": "jpeg", "jfif": "jpeg", "tif": "tiff"}
    formats = {names.get(extension[1:], extension[1:]) for extension in EXTENSIONS}
    assert formats <= {name.partition("_")[0] for name in IMAGES}
    assert {name.split("_")[1] for name in LABELS} == {"png", "bmp", "tiff", "gif", "npy"}


def test_labels_are_read_as_they_were_drawn(tmp_path):
    for name in LABELS:
        label = TARGETS[name].read(TARGETS[name].make(tmp_path))
        inside = files.draw_label() != 255
        assert np.array_equal(label[inside], files.draw_label()[inside]), name


def test_checksums_are_corrected():
    data = bytearray(IMAGES["png"]())
    data[16:20] = struct.pack(">I", 41)
    assert pixels_of_png(files.with_checksums(bytes(data)))[16:20] == struct.pack(">I", 41)
