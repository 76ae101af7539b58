"""Prediction of image files and videos, with result files and a display window."""

import contextlib
import itertools
import pathlib

from utils.data.decoding import StoredImage
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, read_image
from utils.errors import UsageError
from utils.files import make_folder
from utils.inference.geotiff import is_geotiff
from utils.inference.predictor import Predictor
from utils.inference.results import Results
from utils.inference.video import VideoReader
from utils.inference.video_writer import VideoWriter
from utils.safe_paths import safe_path
from utils.threads import background, prefetch


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
            safe_path(results.folder, images[path], path, follow_links=True)
            # A georeference is that of the stored pixels.
            return read_image(path, upright=not is_geotiff(path), image_format=image_format)
        except UsageError as error:
            return error

    def inputs():
        for path, image in prefetch(read, images):
            if isinstance(image, UsageError):
                errors.append(str(image))
                continue
            results.tell_size(path, image)
            pending[path] = image
            yield path, results.resize_input(image)

    if not images:
        return errors
    with results.console.progress("Images", len(images)) as progress, background() as submit:
        for done, (path, scored) in enumerate(predictor(inputs()), 1):
            image = pending.pop(path)
            if results.probabilities:  # too large to wait in line
                results.write(images[path], path, image, scored)
            else:
                submit(results.write, images[path], path, image, scored)
            progress.count(done)
            if not results.show(image, scored, wait=0 if len(images) == 1 else 1):
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
    safe_path(results.folder, video.name, video.name, follow_links=True)
    pending = {}  # frames that are being predicted
    total = min(filter(None, (max_frames, video.frames)), default=None)

    def inputs():
        for number, frame in enumerate(itertools.islice(video, max_frames)):
            frame = image_format.convert(StoredImage(frame, 3), video.name)
            pending[number] = frame
            yield number, results.resize_input(frame)

    def write(number, frame, scored):
        scored = results.complete(frame, scored)
        for kind, picture in results.pictures(frame, scored, every_class=True).items():
            writers[kind].write(picture)
        results.write_arrays({kind: folder / f"{number:06d}" for kind, folder in folders.items()}, scored)
        results.add_coverage(video.name, scored.indices, number, round(number / video.frame_rate, 3))

    folders = {kind: make_folder(results.folder / f"{video.name}_{kind}") for kind in results.array_kinds}
    with contextlib.ExitStack() as stack:
        writers = {
            kind: stack.enter_context(
                VideoWriter(results.folder / f"{video.name}_{kind}", video.frame_rate, video.is_live)
            )
            for kind in results.picture_kinds
        }
        submit = stack.enter_context(background(1))  # a single thread keeps the order
        progress = stack.enter_context(results.console.progress(video.name, total))
        for number, scored in predictor(inputs()):
            frame = pending.pop(number)
            submit(write, number, frame, scored)
            progress.count(number + 1)
            if not results.show(frame, scored):
                break
