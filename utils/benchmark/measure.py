"""Measurement of a network: training, inference and memory; also matrix products, input pipeline and scoring."""

import importlib
import pathlib

import keras
import numpy as np
from keras import ops

from models import MODELS, build_model, inference_model
from utils.backend import device, use_xla, versions
from utils.benchmark.complexity import count_flops, count_parameters
from utils.benchmark.timing import TRAINING_PASSES, cpu_cores, process_memory, quantile, seconds_of
from utils.data.augmentation import Augmentation
from utils.data.checks import check_pairs
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs, read_classes
from utils.inference import KerasBackend, Predictor
from utils.metrics import ConfusionMatrix, image_scores
from utils.training.step_time import training_seconds

ROUND_SECONDS = 2.0  # of a round, unless --steps sets its steps
WARM_UP = 3  # steps after the first one that are not measured
MATRIX_SIZES = (512, 1024, 2048, 4096, 8192)
SCORED_SIZE, SCORED_CLASSES = 512, 32
MAX_PAIRS = 64  # images for the measurement of the input pipeline
SETTINGS = (
    *("model", "output_stride", "crop_height", "crop_width", "batch_size", "num_classes", "mixed_precision"),
    *("remat", "rounds"),
)


def measure_network(model: keras.Model, batch: tuple, settings: dict, times: list[float]) -> dict:
    """Measures a network after its first training step.

    Args:
        model: compiled `keras.Model`.
        batch: `(images, labels)` of `step_time.random_batch`.
        settings: dict of the flags.
        times: in seconds: at the start, after the imports, after building, after the first step.

    Returns:
        Dict with `SETTINGS`; "frontend" (None for a network without), "jit_compile" (bool), "device", "cpu_cores",
        "versions" (dict); "parameters" (trainable), "gflops_per_image" (10**9 operations of a forward pass, None if
        they cannot be counted), the "..._seconds" of the cold start, "training_steps" and "inference_steps" (of a
        round), "training_images_per_second", "inference_images_per_second", "latency_ms_median", "latency_ms_p95" (of
        a batch), "matmul_peak_gflops_per_second", for training and inference "..._gflops_per_second" and
        "..._share_of_peak" (0..1), "peak_memory_mib" (of the process), "device_memory_mib" (None if the backend does
        not report it), "scoring_ms_per_image"; with a dataset, "workers", "input_images_per_second" and
        "input_cached_images_per_second".
    """
    stages = dict(zip(("import_seconds", "build_seconds", "first_step_seconds"), np.diff(times).tolist()))
    result = {
        **{name: settings[name] for name in SETTINGS},
        "frontend": settings["frontend"] if MODELS[settings["model"]].frontend else None,
        "jit_compile": use_xla(settings["jit_compile"]),
        "device": device(),
        "cpu_cores": cpu_cores(),
        "versions": versions(),
        "parameters": count_parameters(model),
        "cold_start_seconds": times[-1] - times[0],
        **stages,
        **training_speed(model, batch, settings["rounds"], settings["steps"]),
        **inference_speed(inference_model(model), batch[0], settings),
        "peak_memory_mib": process_memory(),
        "device_memory_mib": device_memory(),
    }
    # After the peak memory was read, other work may allocate memory.
    result["gflops_per_image"] = count_gflops(settings)
    result["matmul_peak_gflops_per_second"] = matmul_peak(keras.config.dtype_policy().compute_dtype) / 1e9
    result.update(utilization(result, "training", TRAINING_PASSES), **utilization(result, "inference", 1))
    result["scoring_ms_per_image"] = 1000 * scoring_seconds()
    return {**result, **(input_speed(settings) if settings["dataset"] else {})}


def utilization(result: dict, kind: str, passes: int) -> dict:
    """Computes "<kind>_gflops_per_second" and "<kind>_share_of_peak"; None if the operations are unknown."""
    speed = share = None
    if result["gflops_per_image"] is not None:
        speed = result["gflops_per_image"] * passes * result[f"{kind}_images_per_second"]
        share = speed / result["matmul_peak_gflops_per_second"]
    return {f"{kind}_gflops_per_second": speed, f"{kind}_share_of_peak": share}


def steps_of_round(seconds: float, steps: int | None = None) -> int:
    """Returns `steps`, or by default the number of steps of `seconds` each in a round."""
    return steps or max(1, round(ROUND_SECONDS / seconds))


def training_speed(model: keras.Model, batch: tuple, rounds: int, steps: int | None = None) -> dict:
    """Measures "training_images_per_second" of the median round and "training_steps" of a round."""
    steps = steps_of_round(training_seconds(model, batch, WARM_UP)[-1], steps)
    seconds = np.reshape(training_seconds(model, batch, 1 + rounds * steps), (rounds, steps)).sum(axis=1)
    return {
        "training_images_per_second": steps * len(batch[0]) / quantile(seconds.tolist(), 0.5),
        "training_steps": steps,
    }


def inference_speed(model: keras.Model, images: np.ndarray, settings: dict) -> dict:
    """Measures "inference_images_per_second" of the median round, its "inference_steps", and latencies of a batch."""
    predictor = Predictor(KerasBackend(model, use_xla(settings["jit_compile"])), len(images))

    def predict(steps):
        return seconds_of(lambda: list(predictor(enumerate(images))), steps)

    steps = steps_of_round(predict(1 + WARM_UP)[-1], settings["steps"])
    rounds = [predict(steps) for _ in range(settings["rounds"])]
    latencies = [1000 * seconds for step_seconds in rounds for seconds in step_seconds]
    return {
        "inference_images_per_second": steps * len(images) / quantile(map(sum, rounds), 0.5),
        "inference_steps": steps,
        "latency_ms_median": quantile(latencies, 0.5),
        "latency_ms_p95": quantile(latencies, 0.95),
    }


def count_gflops(settings: dict) -> float | None:
    """Counts 10**9 operations of a forward pass for one image; None if the network has no fixed size that small."""
    shape = (settings["crop_height"], settings["crop_width"], 3)
    try:
        model = build_model(
            settings["model"],
            settings["num_classes"],
            settings["frontend"],
            shape,
            output_stride=settings["output_stride"],
        )
    except ValueError:
        return None
    return count_flops(model) / 1e9


def matmul_peak(dtype: str) -> float:
    """Measures the operations per second of the fastest square matrix product of a few sizes."""
    best = 0.0
    for size in MATRIX_SIZES:
        # Random, scaled so that repeated products neither vanish nor overflow.
        matrix = ops.cast(np.random.default_rng(0).normal(0, size**-0.5, (size, size)).astype("float32"), dtype)
        seconds = _matmul_seconds(matrix, 1, 2)[1]
        count = max(1, int(0.1 / seconds))
        best = max(best, 2 * size**3 * count / min(_matmul_seconds(matrix, count, 3)))
        if seconds > 0.05:  # larger ones are hardly faster per operation
            break
    return best


def _matmul_seconds(matrix, count, times):
    """Measures the seconds of `count` repeated products with a square matrix, `times` times."""

    def multiply():
        product = matrix
        for _ in range(count):
            product = ops.matmul(product, matrix)
        ops.convert_to_numpy(product[0, :1])  # some backends compute only on demand

    return seconds_of(multiply, times)


def scoring_seconds() -> float:
    """Measures the median seconds of an image's confusion matrix and scores."""
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, SCORED_CLASSES, (2, SCORED_SIZE, SCORED_SIZE)).astype(np.uint8)
    confusion = ConfusionMatrix(SCORED_CLASSES)
    return quantile(seconds_of(lambda: image_scores(confusion.update(labels, predictions)), 20)[1:], 0.5)


def input_speed(settings: dict) -> dict:
    """Measures the images per second of train.py's input pipeline, without and with decoded images in memory."""
    folder, workers, batch_size = pathlib.Path(settings["dataset"]), settings["workers"], settings["batch_size"]
    pairs, class_dict = list_pairs(folder, "train")[:MAX_PAIRS], read_classes(folder, unknown="ignore")
    check_pairs(pairs, class_dict, workers)  # decides how the labels are read
    augmentation = Augmentation(settings["crop_height"], settings["crop_width"])
    result = {"workers": workers}
    for name, cache in (("input_images_per_second", False), ("input_cached_images_per_second", True)):
        data = SegmentationDataset(pairs, class_dict, augmentation, batch_size, cache=cache, workers=workers)
        seconds = seconds_of(lambda data=data: list(data.batches()), 1 + settings["rounds"])[1:]  # the first one caches
        result[name] = len(data) * batch_size / quantile(seconds, 0.5)
    return result


def device_memory() -> float | None:
    """Returns the peak memory in MiB of the first accelerator; None if there is none or it is not reported."""
    name = keras.config.backend()
    backend, peak = importlib.import_module(name), None
    if name == "tensorflow" and backend.config.list_physical_devices("GPU"):
        peak = backend.config.experimental.get_memory_info("GPU:0")["peak"]
    elif name == "jax":
        peak = (backend.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    elif name == "torch" and backend.cuda.is_available():
        peak = backend.cuda.max_memory_allocated()
    return peak and peak / 2**20
