"""Targets of fuzzing: a valid sample of a file format, its mutation, and the reader under test."""

import dataclasses
import pathlib
import random
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Target:
    """A file format and its reader.

    A module of targets has a dict `TARGETS` from names to `Target`. Each case has a new folder of its own.

    Attributes:
        make: function of an empty folder that writes a valid sample there, and returns the path of the file to mutate.
        mutate: function of that path and a `random.Random` that changes the file in place.
        read: function of that path that calls the suite's reader and returns what it read. It may write in the folder
            of the case only. Wrong input must raise an exception with an `exit_code`, as `UsageError`.
        modules: names of modules whose import takes long. The processes of several cases share it.
    """

    make: Callable[[pathlib.Path], pathlib.Path]
    mutate: Callable[[pathlib.Path, random.Random], None]
    read: Callable[[pathlib.Path], object]
    modules: tuple[str, ...] = ()
