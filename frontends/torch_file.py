"""Reader of PyTorch's weights files (`.pth`) without PyTorch, which runs nothing that a file contains.

A `.pth` file consists of Python pickles, programs whose ordinary reader calls any function that they name. Here their
instructions are followed by a small interpreter that can build dicts, tuples and descriptions of tensors, and nothing
else; a file with another instruction or name is refused.

The format is the one before PyTorch 1.6: pickles of a magic number, the version, the machine, the dict of tensors and
the order of the storages; then the storages, each with its length in 8 bytes before its values.
"""

import math
import os
import pickletools
from typing import NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
ORDERED_DICT, TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
STORAGES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
_VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENTS = ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE")
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Name(NamedTuple):
    """A function or class that a pickle names; it stays a name."""

    text: str


class Storage(NamedTuple):
    """Reference to a storage: its key, the type of its values and their number."""

    key: str
    dtype: str
    length: int


class Tensor(NamedTuple):
    """Description of a tensor: storage, first value, shape and distances of neighbors, all in values."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def read_state_dict(path):
    """Reads the tensors of a PyTorch file.

    Args:
        path: of a file that PyTorch below 1.6 wrote from a dict of tensors.

    Returns:
        A dict from names to float32 or int64 arrays.

    Raises:
        ValueError: if it is no such file, is damaged, or contains anything but tensors.
        OSError: if it cannot be read.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        try:
            magic, _, machine, tensors, keys = (interpret(file) for _ in range(5))
            is_known = magic == MAGIC and machine["little_endian"] is True and isinstance(tensors, dict)
            if not is_known or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
                raise ValueError("it is no dict of tensors in the format before PyTorch 1.6")
            storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
            values = {key: read_storage(file, storages[key], size) for key in keys}
            return {name: view(tensor, values[tensor.storage.key]) for name, tensor in tensors.items()}
        except (KeyError, IndexError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise ValueError(f"it is damaged or no PyTorch file ({type(error).__name__}: {error})") from error


def interpret(file):
    """Follows the instructions of the pickle at the position of a file, up to its end.

    Args:
        file: binary file.

    Returns:
        Its value, of dicts, lists, tuples, str, int, bool, None, `Name`, `Storage` and `Tensor`.

    Raises:
        ValueError: at an instruction or a name that weights do not need.
    """
    stack, marks, memo = [], [], {}

    def pop_to_mark():
        start = marks.pop()
        values = stack[start:]
        del stack[start:]
        return values

    for instruction, argument, _ in pickletools.genops(file):
        name = instruction.name
        if name == "STOP":
            return stack.pop()
        if name in _VALUES:
            stack.append(_VALUES[name])
        elif name in _ARGUMENTS:
            stack.append(argument)
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack[len(stack) - count :] = [tuple(stack[len(stack) - count :])]
        elif name == "TUPLE":
            stack.append(tuple(pop_to_mark()))
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name == "MARK":
            marks.append(len(stack))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            stack[-1][key] = value
        elif name == "SETITEMS":
            items = pop_to_mark()
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name in ("APPEND", "APPENDS"):
            items = pop_to_mark() if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(items)
        elif name == "GLOBAL":
            if argument not in (ORDERED_DICT, TENSOR, *STORAGES):
                raise ValueError(f"it names {argument.replace(' ', '.')}, which weights do not need")
            stack.append(Name(argument))
        elif name == "BINPERSID":
            stack.append(describe_storage(*stack.pop()))
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(describe(function, arguments))
        elif name == "BUILD":
            stack.pop()  # attributes of the dict, such as versions of the network's modules
        elif name != "PROTO":
            raise ValueError(f"it contains the pickle instruction {name}, which weights do not need")
    raise ValueError("it ends early")


def describe(function, arguments):
    """Returns an empty dict or a `Tensor`, for the two functions that a file may call.

    Args:
        function: `Name`.
        arguments: tuple.
    """
    if function == Name(ORDERED_DICT) and arguments == ():
        return {}
    if function == Name(TENSOR) and isinstance(arguments[0], Storage):
        return Tensor(*arguments[:4])
    raise ValueError("it calls what is no tensor")


def describe_storage(kind, storage_type, key, _location, length, is_view):
    """Returns a `Storage`; the arguments are those of a file's reference."""
    if kind != "storage" or is_view is not None or not isinstance(storage_type, Name) or type(length) is not int:
        raise ValueError("it refers to what is no storage")
    return Storage(key, STORAGES[storage_type.text], length)


def read_storage(file, storage, size):
    """Reads the values of a storage at the position of a file.

    Args:
        file: binary file.
        storage: `Storage`.
        size: bytes of the file.

    Returns:
        Array of one dimension.
    """
    length = int.from_bytes(file.read(8), "little")
    count = length * np.dtype(storage.dtype).itemsize
    if length != storage.length or count > size - file.tell():
        raise ValueError("a storage has another length than its tensors, or the file ends early")
    return np.frombuffer(file.read(count), storage.dtype)


def view(tensor, values):
    """Returns the array of a tensor.

    Args:
        tensor: `Tensor`.
        values: array of its storage.

    Raises:
        ValueError: if it is not within the storage.
    """
    _, offset, shape, strides = tensor
    if not all(type(number) is int and number >= 0 for number in (offset, *shape, *strides)):
        raise ValueError("a tensor has no shape")
    last = offset + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    if 0 in shape or math.prod(shape) > len(values) or last >= len(values):
        raise ValueError("a tensor lies outside of its storage")
    steps = [step * values.itemsize for step in strides]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[offset:], shape, steps)).reshape(shape)
