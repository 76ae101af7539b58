"""Processes of one job: dealing items out among them, gathering their results.

Importing this file imports no Keras and no backend.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any


class Peers:
    """The processes that run one command together.

    Args:
        rank: int, number of this process, from 0.
        count: int, the number of processes.
        exchange: called by all processes in the same order with bytes of any length; returns the list of the bytes of
            all, by rank. None: the processes share out work, but do not communicate.

    Attributes:
        is_chief: whether it is process 0, which alone writes what all have in common.
    """

    def __init__(self, rank: int = 0, count: int = 1, exchange: Callable[[bytes], list[bytes]] | None = None):
        self.rank, self.count, self._exchange = rank, count, exchange
        self.is_chief = rank == 0

    def share(self, items: Sequence) -> list:
        """Returns this process's part of a sequence, dealt out in turn."""
        return list(items[self.rank :: self.count])

    def gather(self, value: Any) -> list:
        """Returns the values of all processes by rank; of JSON types. All have to call it.

        JSON as bytes, because JAX would make int64 and float64 arrays 32-bit: a confusion matrix counts more than 2^31
        pixels after a thousand street scenes. Numbers come back to the last digit.
        """
        if self.count == 1:
            return [value]
        return [json.loads(part) for part in self._exchange(json.dumps(value).encode())]


ALONE = Peers()
