"""Work on threads beside the network's: reading a few items ahead, writing a few behind."""

import collections
import concurrent.futures
import contextlib

from utils.progress import Console


def prefetch(read, items, workers=2):
    """Applies `read` to items on threads, a few ahead of the consumer, in order.

    Args:
        read: function of one item.
        items: iterable.
        workers: int, threads; twice as many results wait at the most.

    Yields:
        `(item, read(item))`.
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


def map_threads(function, items, workers, what):
    """Calls a function with each item, on threads, and shows how far it is.

    Args:
        function: of an item.
        items: list.
        workers: int, threads.
        what: str, what the line of progress begins with.

    Returns:
        List of the results, in the order of the items. An exception ends it without waiting for the rest.
    """
    results = []
    executor = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        with Console().progress(what, len(items)) as progress:
            for result in executor.map(function, items):
                results.append(result)
                progress.count(len(results))
    finally:
        executor.shutdown(cancel_futures=True)
    return results


@contextlib.contextmanager
def background(workers=2):
    """Runs function calls on threads, a few behind the caller, such as encoding and writing images.

    With one worker the calls are made in order.

    Args:
        workers: int, threads; four times as many calls wait at the most.

    Yields:
        A function of a function and its arguments. Errors arrive with a later call, or when the context ends.
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
