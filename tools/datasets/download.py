"""Parallel download of many small files over HTTPS, with retries and limits of size and time."""

import http.client
import pathlib
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import NamedTuple

from utils.errors import RunError
from utils.files import make_folder
from utils.progress import Console

TIMEOUT = 30  # seconds without a byte
LONGEST = 300  # seconds of a file
MAX_BYTES = 4 << 20  # of a file
PART = 1 << 16  # bytes read at a time
RETRY_DELAYS = (1, 2, 4, 8)  # seconds before the second, third ... attempt
MAX_FAILURES = 10  # failed files before the run stops, as without a network
SHUTDOWN = 2  # seconds that the threads may take to end: Python can crash if it exits inside OpenCV
RESUME = "run the same command again to resume"


class FileError(Exception):
    """A file that cannot be downloaded.

    Attributes:
        transient: bool, whether another attempt may succeed.
    """

    def __init__(self, cause, transient=False):
        super().__init__(cause)
        self.transient = transient


class Download(NamedTuple):
    """A file to download.

    Attributes:
        url: str.
        name: str, path relative to the web folder.
        target: `pathlib.Path` of the file to write.
        is_label: bool, whether it is a label image.
    """

    url: str
    name: str
    target: pathlib.Path
    is_label: bool


class SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Redirections, except those from HTTPS to an address that is not encrypted."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Returns the request of the new address, or raises HTTPError."""
        if req.full_url.startswith("https://") and not newurl.startswith("https://"):
            raise urllib.error.HTTPError(newurl, code, "redirects to an address without https", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(SecureRedirects)


def fetch_all(jobs: Sequence[Download], fetch: Callable, workers: int) -> None:
    """Downloads files with threads. They are daemon threads, so that a stalled connection cannot delay Ctrl-C.

    Args:
        jobs: the files.
        fetch: function of a `Download` and a `threading.Event`, which is set to stop it; returns the number of bytes.
        workers: number of threads.

    Raises:
        RunError: if files cannot be downloaded; the others are complete, unless more than `MAX_FAILURES` fail.
    """
    for folder in {job.target.parent for job in jobs}:
        make_folder(folder)
    todo, results, stop = iter(jobs), queue.SimpleQueue(), threading.Event()
    arguments = todo, fetch, results, stop
    threads = [threading.Thread(target=run_worker, args=arguments, daemon=True) for _ in range(workers)]
    done, size, failures = 0, 0, []
    try:
        for thread in threads:
            thread.start()
        with Console().progress("Files", len(jobs), images=0) as progress:
            while done + len(failures) < len(jobs) and len(failures) < MAX_FAILURES:
                file_size, error = results.get()
                if isinstance(error, FileError):
                    failures.append(str(error))
                elif error:
                    raise error
                else:
                    done, size = done + 1, size + file_size
                    progress.note = f"{size / 1e6:.1f} MB"
                    progress.count(done)
    finally:
        stop.set()
        deadline = time.monotonic() + SHUTDOWN
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join(max(0, deadline - time.monotonic()))
    if failures:
        raise RunError(f"{len(failures)} of {len(jobs)} files failed, first {failures[0]}; {RESUME}")


def run_worker(todo, fetch, results, stop):
    """Loop of a thread: puts `(bytes, error or None)` into `results` for each file of the shared iterator `todo`."""
    for job in todo:
        if stop.is_set():
            return
        try:
            results.put((fetch(job, stop), None))
        except Exception as error:  # raised again in the main thread
            results.put((0, error))


def download(url: str, stop: threading.Event | None = None) -> bytes:
    """Downloads a file of up to `MAX_BYTES`; repeats transient failures after growing delays, until `stop` is set.

    Raises:
        FileError: if every attempt fails.
    """
    stop = stop or threading.Event()
    for delay in (*RETRY_DELAYS, None):
        try:
            return read_url(url)
        except FileError as error:
            if delay is None or not error.transient or stop.wait(delay):
                raise


def read_url(url: str) -> bytes:
    """Downloads a file in one attempt.

    Raises:
        FileError: if it fails, or is larger than `MAX_BYTES`.
    """
    try:
        with OPENER.open(url, timeout=TIMEOUT) as response:
            return read_body(url, response)
    except urllib.error.HTTPError as error:
        error.close()
        raise FileError(f"{url}: HTTP {error.code} {error.reason}", error.code == 429 or error.code >= 500) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        transient = not isinstance(cause, ssl.SSLCertVerificationError)
        raise FileError(f"{url}: {str(cause) or type(cause).__name__}", transient) from error


def read_body(url, response):
    """Reads the body of a response up to the limits of size and time; IncompleteRead if it is shorter than it says."""
    data, deadline = bytearray(), time.monotonic() + LONGEST
    if (response.length or 0) > MAX_BYTES:
        raise FileError(f"{url} has {response.length:,} bytes, more than the {MAX_BYTES:,} that a file may have")
    while part := response.read1(PART):
        data += part
        if len(data) > MAX_BYTES:
            raise FileError(f"{url} has more than the {MAX_BYTES:,} bytes that a file may have")
        if time.monotonic() > deadline:
            raise FileError(f"{url} takes longer than {LONGEST} s", True)
    if response.length:
        raise http.client.IncompleteRead(bytes(data), response.length)
    return bytes(data)
