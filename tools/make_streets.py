"""Draws the built-in dataset Streets: synthetic street scenes with CamVid's twelve classes and colors.

    python tools/make_streets.py --output datasets/Streets

The same seed gives the same bytes (with the same versions of OpenCV and NumPy). Each scene depends on its own number
only, not on the number of scenes.
"""

import functools
import multiprocessing
import os
import pathlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.folders import make_split_folders, new_dataset
from tools.streets import CLASSES, draw_scene
from utils.cli import Parser
from utils.data.folder import SPLITS
from utils.errors import UsageError, report_errors
from utils.files import write_text

COUNTS = {"train": 240, "val": 40, "test": 60}
HEIGHT, WIDTH = 192, 256  # pixels
SMALLEST_SIDE = 64  # pixels
JPEG_QUALITY = 92


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/make_streets.py", description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="datasets/Streets", help="folder to create")
    for split, count in COUNTS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"number of {split} scenes")
    parser.add_argument("--height", type=int, default=HEIGHT, help="image height, pixels")
    parser.add_argument("--width", type=int, default=WIDTH, help="image width, pixels")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    return parser


def make_streets(
    root: str | pathlib.Path,
    train: int = COUNTS["train"],
    val: int = COUNTS["val"],
    test: int = COUNTS["test"],
    height: int = HEIGHT,
    width: int = WIDTH,
    seed: int = 0,
    workers: int = 1,
) -> pathlib.Path:
    """Writes the dataset.

    Args:
        root: the folder to create, atomically; it must not exist.
        train, val, test: number of scenes of each split.
        height, width: size of the images in pixels, at least 64.
        seed: random seed, at least 0.
        workers: number of processes. With more than one, the calling script needs the usual
            `if __name__ == "__main__"` guard.

    Returns:
        `root`.

    Raises:
        UsageError: if `root` exists or a number is out of range.
        RunError: if the files cannot be written.
    """
    root, counts = pathlib.Path(root), (train, val, test)
    check_minimum(dict(zip(SPLITS, counts)) | {"seed": seed}, 0)
    check_minimum({"height": height, "width": width}, SMALLEST_SIDE)
    if root.exists():
        raise UsageError(f"{root} exists already; remove it or choose another folder with --output")
    scenes = [(number, index) for number, count in enumerate(counts) for index in range(count)]
    with new_dataset(root) as folder:
        make_split_folders(folder, SPLITS)
        rows = [f"{name},{','.join(map(str, color))}" for name, color in CLASSES.items()]
        write_text(folder / "class_dict.csv", "\n".join(["name,r,g,b", *rows, ""]))
        write = functools.partial(write_scene, folder, height, width, seed)
        if workers == 1:
            list(map(write, scenes))
        else:  # processes, not threads: a scene is thousands of short calls from Python, which holds the GIL
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
                list(pool.map(write, scenes, chunksize=4))
    return root


def check_minimum(values, minimum):
    """Raises UsageError if one of the named numbers is below the minimum."""
    for name, value in values.items():
        if value < minimum:
            raise UsageError(f"{name} is {value}; it must be at least {minimum}")


def write_scene(folder, height, width, seed, scene):
    """Draws and writes a scene, `(split number, index counted from 0)`."""
    number, index = scene
    image, labels = draw_scene(np.random.default_rng([seed, number, index]), height, width)
    name, split = f"street_{index + 1:04d}", SPLITS[number]
    colors = np.array(list(CLASSES.values()), np.uint8)
    write_image(folder / split / f"{name}.jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    write_image(folder / f"{split}_labels" / f"{name}_L.png", colors[labels])


def write_image(path, rgb, options=()):
    """Writes a uint8 RGB image `(H, W, 3)` in the format of the path's suffix; raises OSError if it cannot."""
    _, encoded = cv2.imencode(path.suffix, rgb[..., ::-1], list(options))
    path.write_bytes(encoded.tobytes())


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    start, total = time.perf_counter(), args.train + args.val + args.test
    workers = min(os.cpu_count() or 1, 8) if total > 50 else 1  # starting processes takes as long as 50 scenes
    root = make_streets(args.output, args.train, args.val, args.test, args.height, args.width, args.seed, workers)
    print(f"Made {total} street scenes with labels in {root} in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
