"""Commands of the suite as a lab calls them: a checkpoint, exported files, a video; the seconds of predictions."""

import contextlib
import io
import pathlib
import time

import cv2
import numpy as np


def train_checkpoint(folder: pathlib.Path, epochs: int, steps: int) -> pathlib.Path:
    """Trains `custom` on MobileNetV3Small from random weights with train.py.

    Args:
        folder: for checkpoints.
        epochs: their number.
        steps: batches of an epoch.

    Returns:
        Path of the checkpoint.
    """
    import train
    from labs.course import BATCH_SIZE, IGNORED_CLASS, dataset_folder, pick
    from utils.data import read_classes

    command = f"""--model custom --frontend MobileNetV3Small --frontend_weights none --num_epochs {epochs}
        --steps_per_epoch {steps} --batch_size {BATCH_SIZE} --crop_height {pick(96, 64)} --crop_width {pick(128, 64)}
        --h_flip --cache --optimizer adamw --learning_rate 3e-3 --schedule poly --validation_step {epochs}
        --num_val_images {pick(10, 1)} --no_report""".split()
    if IGNORED_CLASS in read_classes(dataset_folder()).class_names:
        command += ["--ignore_class", IGNORED_CLASS]
    with contextlib.redirect_stdout(io.StringIO()):
        train.main([*command, "--dataset", str(dataset_folder()), "--output_dir", str(folder)])
    return next(folder.glob("latest_model_custom_*.keras"))


def export_file(checkpoint: pathlib.Path, path: pathlib.Path, form: str, *options: str) -> bool:
    """Writes a checkpoint as another file by export.py.

    Args:
        checkpoint: `.keras` file of train.py.
        path: file to write.
        form: `--format` of export.py.
        *options: further flags.

    Returns:
        Whether it was written; if not, export.py has printed why, such as which package to install.
    """
    import export

    command = ["--checkpoint_path", checkpoint, "--format", form, "--output_path", path, *options]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            export.main([str(word) for word in command])
    except SystemExit:
        print(f"{path.name} is left out.")
        return False
    return True


def megabytes(path: pathlib.Path) -> float:
    """Sums the sizes of a file and, for OpenVINO, of the weights beside it."""
    files = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    return sum(file.stat().st_size for file in files) / 1e6


def join(results) -> np.ndarray:
    """Joins predictions of images to one array.

    Args:
        results: iterable of `(name, indices)`, of `utils.inference.Predictor`.

    Returns:
        uint8 array of all pixels, in the order of the names.
    """
    return np.concatenate([indices.ravel() for _, indices in sorted(results, key=lambda result: result[0])])


def agreement_by_bits(path: pathlib.Path, pictures, widths, functions: dict, agreement) -> dict:
    """Rounds the large kernels of a network and compares its predictions with those before.

    Args:
        path: of a checkpoint.
        pictures: list of `(name, image)`, images uint8 RGB `(H, W, 3)`.
        widths: numbers of bits.
        functions: dict from title to a function of `(kernel, bits)` that returns `(codes, scale)`.
        agreement: function of two arrays of class indices that returns a percentage.

    Returns:
        Dict from title to `(widths, percentages)`.
    """
    from utils.checkpoints import load_for_inference
    from utils.inference import Predictor

    model, _ = load_for_inference(path)
    original = [np.asarray(weight) for weight in model.weights]
    large = [weight.ndim == 4 and weight.shape[-1] > 1 for weight in original]  # neither biases nor depthwise kernels
    ranges = [np.abs(weight).max(axis=(0, 1, 2)) for weight, is_large in zip(original, large) if is_large]
    ratio = np.median([channels.max() / np.median(channels) for channels in ranges])
    print(f"{path.name}: the largest channel of a kernel has {ratio:.1f} times the range of the median channel")
    predictor, shares = Predictor(model, 4), {title: [] for title in functions}
    reference = join(predictor(pictures))
    for bits in widths:
        for title, quantize in functions.items():
            parts = [quantize(weight, bits) if is_large else (weight, 1) for weight, is_large in zip(original, large)]
            model.set_weights([codes * scale for codes, scale in parts])
            shares[title].append(agreement(reference, join(predictor(pictures))))
        print(f"{bits} bits:", *(f"{title} {values[-1]:.1f} %" for title, values in shares.items()), sep="  ")
    return {title: (widths, values) for title, values in shares.items()}


def seconds_of_calls(backend, image: np.ndarray, calls: int) -> list[float]:
    """Measures predictions of one image, one after the other, from pixels to classes.

    Args:
        backend: of `utils.inference.load_trained`, or a `keras.Model`.
        image: uint8 RGB `(H, W, 3)`.
        calls: their number.

    Returns:
        List of float, the seconds of each call, in their order.
    """
    from utils.inference import Predictor

    predictor, marks = Predictor(backend), [time.perf_counter()]
    for _ in range(calls):
        list(predictor([(0, image)]))
        marks.append(time.perf_counter())
    return np.diff(marks).tolist()


def write_pan(path: pathlib.Path, image: np.ndarray, frames: int, rate: float = 12.0) -> None:
    """Writes a video of a camera that pans from left to right over an enlarged image.

    Args:
        path: ending in `.mp4`.
        image: uint8 RGB `(H, W, 3)`; the frames have its size.
        frames: their number.
        rate: frames per second.
    """
    rows, columns = image.shape[:2]
    wide = cv2.resize(image, (2 * columns, 2 * rows), interpolation=cv2.INTER_CUBIC)[rows // 2 : rows // 2 + rows]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, (columns, rows))
    for frame in range(frames):
        left = columns * frame // max(1, frames - 1)
        writer.write(np.ascontiguousarray(wide[:, left : left + columns, ::-1]))
    writer.release()


def predict_video(checkpoint: pathlib.Path, video: pathlib.Path, folder: pathlib.Path) -> float:
    """Runs predict.py on a video.

    Args:
        checkpoint: `.keras` file or exported file.
        video: file to read.
        folder: for the results, which include the overlay.

    Returns:
        float, seconds from start to end.
    """
    import predict

    command = ["--image", video, "--checkpoint_path", checkpoint, "--output_dir", folder, "--overlay"]
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        predict.main([str(word) for word in command])
    return time.perf_counter() - start
