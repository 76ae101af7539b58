"""PyTorch's weights files: tensors are read without PyTorch, and nothing that a file names is called."""

import collections
import io
import os
import pickle
import struct

import numpy as np
import pytest

from frontends.torch_file import MAGIC, read_state_dict


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


REBUILD, FLOATS, LONGS = b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n", b"ctorch\nLongStorage\n"


def short(number):
    return b"J" + struct.pack("<i", number)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(*values):
    return b"(" + b"".join(map(short, values)) + b"t"


def tensor(key, kind, length, offset, shape, strides):
    """The instructions that PyTorch writes for a tensor."""
    storage = b"(" + text("storage") + kind + text(key) + text("cpu") + short(length) + b"NtQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    return REBUILD + b"(" + storage + short(offset) + numbers(*shape) + numbers(*strides) + b"\x89" + hooks + b"tR"


def state_of(*items):
    """The instructions of an ordered dict with an attribute."""
    entries = b"".join(text(name) + value for name, value in items)
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + entries + b"u}" + text("_metadata") + b"}sb."


def write(path, state, storages, keys=None):
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = list(storages) if keys is None else keys
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, machine)] + [state, pickle.dumps(keys, 2)]
    for values in storages.values():
        parts += [struct.pack("<q", len(values)), values.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


VALUES = np.arange(24, dtype="<f4")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


def test_tensors_are_read_with_their_strides(path):
    state = state_of(
        ("kernel", tensor("7", FLOATS, 24, 0, (2, 3, 4), (1, 2, 6))),
        ("row", tensor("7", FLOATS, 24, 20, (4,), (1,))),
        ("count", tensor("8", LONGS, 1, 0, (), ())),
    )
    read = read_state_dict(write(path, state, {"7": VALUES, "8": np.array([5], "<i8")}))
    assert list(read) == ["kernel", "row", "count"]
    np.testing.assert_array_equal(read["kernel"], VALUES.reshape(4, 3, 2).transpose(2, 1, 0))
    assert read["row"].tolist() == [20, 21, 22, 23] and read["row"].dtype == np.float32
    assert read["count"].shape == () and read["count"] == 5


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_crafted_file_is_refused_and_not_run(path, tmp_path, protocol):
    witness = tmp_path / "witness"
    evil = pickle.dumps(collections.OrderedDict(a=Call(os.mkdir, str(witness))), protocol)
    assert pickle.loads(evil) and witness.is_dir()  # an ordinary reader runs it
    witness.rmdir()
    with pytest.raises(ValueError, match="weights do not need"):
        read_state_dict(write(path, evil, {}))
    for first in (evil, b"cos\nsystem\n(" + text(f"mkdir {witness}") + b"tR."):
        path.write_bytes(first)  # in place of the magic number
        with pytest.raises(ValueError, match="weights do not need"):
            read_state_dict(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "offset, shape, strides",
    [
        (1, (24,), (1,)),
        (0, (2, 3), (24, 1)),
        (-4, (4,), (1,)),
        (0, (4,), (-1,)),
        (0, (5, 5), (0, 0)),
        (0, (4, 2), (1,)),
        (0, (0,), (1,)),
    ],
)
def test_tensors_outside_of_their_storage_are_refused(path, offset, shape, strides):
    state = state_of(("a", tensor("7", FLOATS, 24, offset, shape, strides)))
    with pytest.raises(ValueError):
        read_state_dict(write(path, state, {"7": VALUES}))


def test_damaged_files_are_refused(path):
    state = state_of(("a", tensor("7", FLOATS, 24, 0, (24,), (1,))))
    content = write(path, state, {"7": VALUES}).read_bytes()
    assert read_state_dict(path)["a"].shape == (24,)
    for length in (*range(0, len(content) - 96, 7), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError):
            read_state_dict(path)
    path.write_bytes(content.replace(struct.pack("<q", 24), struct.pack("<q", 2**40)))
    with pytest.raises(ValueError, match="another length"):
        read_state_dict(path)
    for wrong in (state_of(("a", short(3))), pickle.dumps([1], 2), state_of(("a", LONGS + b")R"))):
        with pytest.raises(ValueError):
            read_state_dict(write(path, wrong, {}))
    with pytest.raises(ValueError):
        read_state_dict(write(path, state, {"7": VALUES}, keys=["8"]))
    with pytest.raises(OSError):
        read_state_dict(path.with_name("missing.pth"))


def test_files_of_other_formats_are_refused(path):
    with io.BytesIO() as file:
        np.savez(file, a=VALUES)
        path.write_bytes(file.getvalue())
    with pytest.raises(ValueError):
        read_state_dict(path)
