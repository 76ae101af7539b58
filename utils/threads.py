"""Thread pools: reading ahead of the network, mapping with progress, and writing in the background."""

import collections
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from utils.progress import Console


def prefetch(read: Callable, items: Iterable, workers: int = 2) -> Iterator[tuple]:
    """Applies `read` to items on threads, ahead of the consumer and in order.

    Args:
        read: function of one item.
        items: what to read.
        workers: number of threads. At most `2 * workers` results wait for the consumer.

    Yields:
        `(item, read(item))`.

    Raises:
        Exception: of `read`, when its item is due.
    """
    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        waiting = collections.deque()
        for item in items:
            waiting.append((item, executor.submit(read, item)))
            if len(waiting) > 2 * workers:
                item, future = waiting.popleft()
                yield item, future.result()
        for item, future in waiting:
            yield item, future.result()


def map_threads(function: Callable, items: Sequence, workers: int, description: str) -> list:
    """Applies a function to items on threads, with console progress.

    Args:
        function: of one item.
        items: its arguments.
        workers: number of threads.
        description: text before the progress.

    Returns:
        The results in the order of the items.

    Raises:
        Exception: the first one of `function`; calls that have not started are canceled.
    """
    results = []
    executor = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        with Console().progress(description, len(items)) as progress:
            for result in executor.map(function, items):
                results.append(result)
                progress.count(len(results))
    finally:
        executor.shutdown(cancel_futures=True)
    return results


@contextlib.contextmanager
def background(workers: int = 2) -> Iterator[Callable]:
    """Runs function calls on threads, such as encoding and writing images.

    Args:
        workers: number of threads; with 1 the calls are made in order. At most `4 * workers` calls wait; a further one
            blocks the caller.

    Yields:
        `submit(function, *arguments)`.

    Raises:
        Exception: of a call, by a later `submit` or at the end of the context.
    """
    waiting = collections.deque()

    def submit(function, *arguments):
        waiting.append(executor.submit(function, *arguments))
        if len(waiting) > 4 * workers:
            waiting.popleft().result()

    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        yield submit
        for future in waiting:
            future.result()
