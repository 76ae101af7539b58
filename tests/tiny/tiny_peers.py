"""Processes of one job as threads of a test, which exchange bytes."""

import concurrent.futures
import threading

from utils.peers import Peers


def run_as_peers(count, function):
    """Calls `function(peers)` on as many threads as there are processes; returns the results by rank."""
    barrier, letters = threading.Barrier(count, timeout=60), [None] * count

    def exchange(rank):
        def call(data):
            letters[rank] = data
            barrier.wait()
            received = list(letters)
            barrier.wait()
            return received

        return call

    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda rank: function(Peers(rank, count, exchange(rank))), range(count)))
