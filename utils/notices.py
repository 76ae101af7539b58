"""Notices: a line on standard error about something unusual in the user's files, once per process."""

import sys
import threading

_told, _lock = set(), threading.Lock()


def tell_once(subject: str, text: str) -> None:
    """Prints `note: <text>` unless the subject has been told before; safe on threads.

    Args:
        subject: what the notice is about, the same for all files that have it.
        text: the line, which names the first such file and the remedy.
    """
    with _lock:
        if subject in _told:
            return
        _told.add(subject)
    print(f"note: {text}", file=sys.stderr, flush=True)
