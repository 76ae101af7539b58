"""Prediction of images and videos, with result files and a display window."""

import contextlib
import itertools
import pathlib

import cv2
import numpy as np

from utils.data.decoding import StoredImage
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, read_image, resize, write_image
from utils.data.labels import write_label
from utils.errors import UsageError
from utils.files import make_folder, write_rows
from utils.inference.drawing import Painter
from utils.inference.geotiff import can_write_geotiff, is_geotiff, write_geotiff
from utils.inference.predictor import Predictor
from utils.inference.video import VideoReader, Window
from utils.inference.video_writer import VideoWriter
from utils.progress import Console
from utils.threads import background, prefetch


class Results:
    """Writer of predictions: color maps, overlays, class indices, coverage; also shows them in a window.

    Args:
        folder: `pathlib.Path` to write to.
        painter: `drawing.Painter`.
        console: `progress.Console`.
        overlay, indices, coverage: bool, what to write besides the color maps.
        size: `(height, width)` to resize images to for the network, or None for their own.
        window: `video.Window` or None.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        painter: Painter,
        console: Console,
        overlay: bool = False,
        indices: bool = False,
        coverage: bool = False,
        size: tuple[int, int] | None = None,
        window: Window | None = None,
    ):
        self.folder, self.painter, self.console, self.size, self.window = folder, painter, console, size, window
        self.overlay, self.indices, self.coverage = overlay, indices, coverage
        self._rows = {}

    def resize_input(self, image: np.ndarray) -> np.ndarray:
        """Resizes an image to the size for the network."""
        return resize(image, self.size) if self.size else image

    def resize_output(self, image: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Resizes the class indices of an image to the image's own size."""
        if indices.shape == image.shape[:2]:
            return indices
        return cv2.resize(indices, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)

    def write(self, name: pathlib.Path, path: pathlib.Path, image: np.ndarray, indices: np.ndarray):
        """Writes the results of an image.

        Args:
            name: of the results, relative to `folder` and without extension.
            path: of the image.
            image: uint8 array `(H, W, C)`, RGB or bands.
            indices: uint8 array, of the network's size.
        """
        indices = self.resize_output(image, indices)
        make_folder((self.folder / name).parent)
        files = {}
        if can_write_geotiff(path):
            colors = self.painter.colors(np.arange(256, dtype=np.uint8)[None])[0]
            geotiff = self.folder / name.with_name(f"{name.name}_pred.tif")
            write_geotiff(geotiff, indices, path, colors, self.painter.class_dict.class_names)
        else:
            files["pred"] = self.painter.colors(indices)
        if self.overlay:
            files["overlay"] = self.painter.overlay(image, indices)
        for kind, pixels in files.items():
            write_image(self.folder / name.with_name(f"{name.name}_{kind}.png"), pixels)
        if self.indices:
            write_label(self.folder / name.with_name(f"{name.name}_indices.png"), indices)
        self.add_coverage(str(path), indices)

    def add_coverage(self, name: str, indices: np.ndarray, frame: int | None = None, seconds: float | None = None):
        """Adds the share of each class in an image, or in a frame of a video, to the coverage table."""
        if self.coverage:
            row = {"image": name, "frame": frame, "seconds": seconds}
            shares = self.painter.coverage(indices)
            row |= {f"{column} (class)" if column in row else column: share for column, share in shares.items()}
            self._rows[name, frame] = row

    def write_coverage(self):
        """Writes `coverage.csv`: a row per image or frame, the share of each class in percent of the pixels."""
        if self._rows:
            in_order = sorted(self._rows.values(), key=lambda row: (row["image"], row["frame"] or 0))
            write_rows(self.folder / "coverage.csv", in_order)

    def show(self, image: np.ndarray, indices: np.ndarray, wait: int = 1) -> bool:
        """Shows a result in the window, if there is one; arguments as `write` and `Window.show`.

        Returns:
            False if the user closed the window or pressed q or Escape.
        """
        if not self.window:
            return True
        indices = self.resize_output(image, indices)
        drawn = self.painter.overlay(image, indices) if self.overlay else self.painter.colors(indices)
        return self.window.show(drawn, wait)


def predict_images(
    predictor: Predictor,
    images: dict[pathlib.Path, pathlib.Path],
    results: Results,
    image_format: ImageFormat = RGB_BYTES,
) -> list[str]:
    """Predicts images and writes the results. An image that cannot be read does not stop the others.

    Args:
        predictor: `Predictor`.
        images: from the path of each image to the name of its results, see `inputs.find_inputs`.
        results: `Results`.
        image_format: bands and value range of the images.

    Returns:
        An error message for each image that cannot be read.
    """
    errors, pending = [], {}  # images that are being predicted

    def read(path):
        try:
            # A georeference is that of the stored pixels.
            return read_image(path, upright=not is_geotiff(path), image_format=image_format)
        except UsageError as error:
            return error

    def inputs():
        for path, image in prefetch(read, images):
            if isinstance(image, UsageError):
                errors.append(str(image))
                continue
            pending[path] = image
            yield path, results.resize_input(image)

    if not images:
        return errors
    with results.console.progress("Images", len(images)) as progress, background() as submit:
        for done, (path, indices) in enumerate(predictor(inputs()), 1):
            image = pending.pop(path)
            submit(results.write, images[path], path, image, indices)
            progress.count(done)
            if not results.show(image, indices, wait=0 if len(images) == 1 else 1):
                break
    return errors


def predict_video(
    predictor: Predictor,
    video: VideoReader,
    results: Results,
    max_frames: int | None = None,
    image_format: ImageFormat = RGB_BYTES,
):
    """Predicts a video, stream or camera frame by frame and writes videos of the same frame rate.

    Args:
        predictor: `Predictor`.
        video: `VideoReader`.
        results: `Results`.
        max_frames: the number of frames to stop after, or None.
        image_format: bands of the network; frames have three.
    """
    pending = {}  # frames that are being predicted
    total = min(filter(None, (max_frames, video.frames)), default=None)
    kinds = ("pred", "overlay") if results.overlay else ("pred",)

    def inputs():
        for number, frame in enumerate(itertools.islice(video, max_frames)):
            frame = image_format.convert(StoredImage(frame, 3), video.name)
            pending[number] = frame
            yield number, results.resize_input(frame)

    def write(number, frame, indices):
        indices = results.resize_output(frame, indices)
        writers["pred"].write(results.painter.colors(indices))
        if results.overlay:
            writers["overlay"].write(results.painter.overlay(frame, indices, every_class=True))
        if results.indices:
            write_label(indices_folder / f"{number:06d}.png", indices)
        results.add_coverage(video.name, indices, number, round(number / video.frame_rate, 3))

    indices_folder = make_folder(results.folder / f"{video.name}_indices") if results.indices else None
    with contextlib.ExitStack() as stack:
        writers = {
            kind: stack.enter_context(
                VideoWriter(results.folder / f"{video.name}_{kind}", video.frame_rate, video.is_live)
            )
            for kind in kinds
        }
        submit = stack.enter_context(background(1))  # a single thread keeps the order
        progress = stack.enter_context(results.console.progress(video.name, total))
        for number, indices in predictor(inputs()):
            frame = pending.pop(number)
            submit(write, number, frame, indices)
            progress.count(number + 1)
            if not results.show(frame, indices):
                break
