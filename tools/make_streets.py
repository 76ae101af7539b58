"""Makes the built-in dataset `Streets`: small synthetic street scenes with CamVid's twelve classes and colors.

    python tools/make_streets.py --output datasets/Streets

The same seed gives the same bytes (under the same OpenCV and NumPy), and a scene does not depend on how many there are.
"""

import contextlib
import functools
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.streets.canvas import CLASSES
from tools.streets.scenes import draw_scene
from utils.cli.arguments import Parser
from utils.errors import RunError, UsageError, report_errors

SPLITS = ("train", "val", "test")
SMALLEST_SIDE = 64  # pixels
JPEG_QUALITY = 92


def write_image(path, rgb, options=()):
    """Encodes RGB `rgb` (H, W, 3) uint8 as the suffix of `path` says and writes it, or raises `OSError`."""
    _, encoded = cv2.imencode(path.suffix, rgb[..., ::-1], list(options))
    path.write_bytes(encoded.tobytes())


def write_scene(folder, height, width, seed, scene):
    """Draws and writes one scene; `scene` is (split number, index counted from 0)."""
    number, index = scene
    image, labels = draw_scene(np.random.default_rng([seed, number, index]), height, width)
    name = f"street_{index + 1:04d}"
    colors = np.array(list(CLASSES.values()), np.uint8)
    write_image(folder / SPLITS[number] / f"{name}.jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    write_image(folder / f"{SPLITS[number]}_labels" / f"{name}_L.png", colors[labels])


@contextlib.contextmanager
def atomic_dataset(root):
    """Gives a temporary folder beside `root` that becomes `root` on success and is removed on any failure."""
    partial = root.with_name(f"{root.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(root)
    except OSError as error:
        raise RunError(f"{root} could not be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_streets(root, train=240, val=40, test=60, height=192, width=256, seed=0, workers=1):
    """Writes the dataset.

    Args:
        root: folder to make; it must not exist yet. It appears only when everything in it is written.
        train, val, test: number of scenes in each split.
        height, width: size of the images in pixels, at least 64.
        seed: integer from 0; the same seed gives the same scenes.
        workers: number of processes. With more than one, the calling script needs the usual
            `if __name__ == "__main__"` guard.

    Returns:
        `root` as a `Path`.

    Raises:
        UsageError: `root` exists, or a number is out of range.
        RunError: the files could not be written.
    """
    root, counts = Path(root), (train, val, test)
    for name, value, least in (*zip(SPLITS, counts, (0, 0, 0)), ("seed", seed, 0),
                               ("height", height, SMALLEST_SIDE), ("width", width, SMALLEST_SIDE)):  # fmt: skip
        if value < least:
            raise UsageError(f"{name} is {value}; it must be at least {least}")
    if root.exists():
        raise UsageError(f"{root} exists already; remove it or choose another folder with --output")
    scenes = [(number, index) for number, count in enumerate(counts) for index in range(count)]
    with atomic_dataset(root) as folder:
        for split in SPLITS:
            (folder / split).mkdir()
            (folder / f"{split}_labels").mkdir()
        rows = [f"{name},{','.join(map(str, color))}" for name, color in CLASSES.items()]
        (folder / "class_dict.csv").write_text("\n".join(["name,r,g,b", *rows, ""]), newline="\n")
        write = functools.partial(write_scene, folder, height, width, seed)
        if workers == 1:
            list(map(write, scenes))
        else:  # threads would wait for each other: a scene is thousands of small calls from Python
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
                list(pool.map(write, scenes, chunksize=4))
    return root


@report_errors
def main(argv=None):
    parser = Parser(prog="tools/make_streets.py", description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="datasets/Streets", help="folder to make")
    for split, count in zip(SPLITS, (240, 40, 60)):
        parser.add_argument(f"--{split}", type=int, default=count, help=f"number of {split} scenes (default: {count})")
    parser.add_argument("--height", type=int, default=192, help="height in pixels")
    parser.add_argument("--width", type=int, default=256, help="width in pixels")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other streets")
    args = parser.parse_args(argv)
    started, total = time.perf_counter(), args.train + args.val + args.test
    workers = min(os.cpu_count() or 1, 8) if total > 50 else 1  # starting processes takes as long as 50 scenes
    root = make_streets(args.output, args.train, args.val, args.test, args.height, args.width, args.seed, workers)
    print(f"Made {total} street scenes with labels in {root} in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
