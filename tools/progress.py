"""How far a tool is: on one line of a terminal, else a line for every tenth of the work."""

import sys


def show_progress(done, total, text):
    """Shows how far the work is.

    Args:
        done, total: int, pieces of work.
        text: str, what to say, up to 70 characters.
    """
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="", flush=True)
    elif done * 10 // total > (done - 1) * 10 // total:
        print(text, flush=True)


def end_progress():
    """Leaves the line of progress."""
    print(end="\n" if sys.stdout.isatty() else "", flush=True)


def each(function, items, workers, verb):
    """Calls a function with each item, on threads, and shows how far it is.

    Args:
        function: of an item.
        items: list.
        workers: int, threads.
        verb: str, such as "converted", for the progress.

    Returns:
        List of the results, in the order of the items. An exception ends it without waiting for the rest.
    """
    import concurrent.futures

    results = []
    executor = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        for result in executor.map(function, items):
            results.append(result)
            show_progress(len(results), len(items), f"{verb} {len(results)} of {len(items)}")
    finally:
        executor.shutdown(cancel_futures=True)
        end_progress()
    return results
