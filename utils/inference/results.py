"""The work of predict.py: streams of images and frames through a network, and what is written about them."""

import contextlib
import itertools

import cv2

from utils.data.images import read_image, write_image
from utils.data.labels import write_label
from utils.errors import UsageError
from utils.evaluation.reports import make_folder, write_rows
from utils.inference.video import VideoWriter
from utils.threads import background, prefetch


class Results:
    """What is written and shown about each input.

    Args:
        folder: `pathlib.Path` to write to.
        painter: `drawing.Painter`.
        console: `progress.Console`.
        overlay, indices, coverage: bool, what to write beside the color maps.
        size: `(height, width)` to resize images to for the network, or None for their own.
        window: `video.Window` or None.
    """

    def __init__(self, folder, painter, console, overlay=False, indices=False, coverage=False, size=None, window=None):
        self.folder, self.painter, self.console, self.size, self.window = folder, painter, console, size, window
        self.overlay, self.indices, self.coverage = overlay, indices, coverage
        self._rows = {}

    def resized(self, picture):
        """The picture as the network gets it."""
        return cv2.resize(picture, self.size[::-1]) if self.size else picture

    def at_size_of(self, picture, indices):
        """The network's class indices at the picture's own size."""
        if indices.shape == picture.shape[:2]:
            return indices
        return cv2.resize(indices, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)

    def write(self, name, path, picture, indices):
        """Writes the pictures about one image.

        Args:
            name: relative `pathlib.Path` of the results, without extension.
            path: `pathlib.Path` of the image.
            picture: uint8 array `(H, W, 3)`, RGB.
            indices: uint8 array, of the network's size.
        """
        indices = self.at_size_of(picture, indices)
        make_folder((self.folder / name).parent)
        pictures = {"pred": self.painter.colors(indices)}
        if self.overlay:
            pictures["overlay"] = self.painter.overlay(picture, indices)
        for kind, pixels in pictures.items():
            write_image(self.folder / name.with_name(f"{name.name}_{kind}.png"), pixels)
        if self.indices:
            write_label(self.folder / name.with_name(f"{name.name}_indices.png"), indices)
        self.count(str(path), indices)

    def count(self, name, indices, frame=None, seconds=None):
        """Notes the share of each class in an image, or in a frame of a video."""
        if self.coverage:
            row = {"image": name, "frame": frame, "seconds": seconds, **self.painter.coverage(indices)}
            self._rows[name, frame] = row

    def write_coverage(self):
        """Writes `coverage.csv`, a row per image or frame: each class in percent of the pixels."""
        if self._rows:
            in_order = sorted(self._rows.values(), key=lambda row: (row["image"], row["frame"] or 0))
            write_rows(self.folder / "coverage.csv", in_order)


def predict_images(predictor, images, results):
    """Predicts images.

    Args:
        predictor: `Predictor`.
        images: dict from `pathlib.Path` to the name of its results, see `inputs.find_inputs`.
        results: `Results`.

    Returns:
        List of str, what went wrong with which image.
    """
    failed, pictures = [], {}

    def read(path):
        try:
            return read_image(path, upright=True)
        except UsageError as error:
            return error

    def inputs():
        for path, picture in prefetch(read, images):
            if isinstance(picture, UsageError):
                failed.append(str(picture))
                continue
            pictures[path] = picture
            yield path, results.resized(picture)

    if not images:
        return failed
    with results.console.progress("Images", len(images)) as progress, background() as submit:
        for done, (path, indices) in enumerate(predictor(inputs()), 1):
            picture = pictures.pop(path)
            submit(results.write, images[path], path, picture, indices)
            progress.count(done)
            if results.window and not _show(results, picture, indices, wait=0 if len(images) == 1 else 1):
                break
    return failed


def predict_video(predictor, video, results, most_frames=None):
    """Predicts a video or a camera, frame by frame, and writes videos of the same frame rate.

    Args:
        predictor: `Predictor`.
        video: `VideoReader`.
        results: `Results`.
        most_frames: int, frames after which to stop, or None.
    """
    pictures, total = {}, most_frames or video.frames
    total = min(total, video.frames or total) if total else None
    kinds = ["pred", "overlay"] if results.overlay else ["pred"]

    def inputs():
        for number, picture in enumerate(itertools.islice(video, most_frames)):
            pictures[number] = picture
            yield number, results.resized(picture)

    def write(number, picture, indices):
        indices = results.at_size_of(picture, indices)
        writers["pred"].write(results.painter.colors(indices))
        if results.overlay:
            writers["overlay"].write(results.painter.overlay(picture, indices, every_class=True))
        if results.indices:
            write_label(frames / f"{number:06d}.png", indices)
        results.count(video.name, indices, number, round(number / video.frame_rate, 3))

    frames = make_folder(results.folder / f"{video.name}_indices") if results.indices else None
    with contextlib.ExitStack() as stack:
        writers = {
            kind: stack.enter_context(
                VideoWriter(results.folder / f"{video.name}_{kind}.mp4", video.frame_rate, video.is_live)
            )
            for kind in kinds
        }
        submit = stack.enter_context(background(1))  # which keeps the order
        progress = stack.enter_context(results.console.progress(video.name, total))
        for number, indices in predictor(inputs()):
            picture = pictures.pop(number)
            submit(write, number, picture, indices)
            progress.count(number + 1)
            if results.window and not _show(results, picture, indices):
                break


def _show(results, picture, indices, wait=1):
    indices = results.at_size_of(picture, indices)
    shown = results.painter.overlay(picture, indices) if results.overlay else results.painter.colors(indices)
    return results.window.show(shown, wait)
