"""Measuring a network: training, inference, memory; and what stands around it: matrix products, reading, scoring."""

import importlib
import pathlib
import time

import keras
import numpy as np
from keras import ops

from models import MODELS, build_model, inference_model
from utils.backend import device, use_xla, versions
from utils.benchmark.complexity import count_flops, count_parameters
from utils.benchmark.report import PASSES, cpu_cores, process_memory, quantile, seconds_of
from utils.data.augmentation import Augmentation
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs, read_classes
from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import Predictor
from utils.metrics import ConfusionMatrix, image_scores

ROUND_SECONDS = 2.0  # of a round, unless its steps are given
WARM_UP = 3  # steps, after the first one, that do not count
MATRIX_SIZES = (512, 1024, 2048, 4096, 8192)
SCORED_SIZE, SCORED_CLASSES = 512, 32
MOST_PAIRS = 64  # images that the input pipeline is measured with
SETTINGS = (
    "model",
    "output_stride",
    "crop_height",
    "crop_width",
    "batch_size",
    "num_classes",
    "mixed_precision",
    "remat",
    "rounds",
)


def measure(model, batch, settings, times):
    """Measures a network whose first training step is done.

    Args:
        model: compiled `keras.Model`.
        batch: `(images, labels)` of `random_batch`.
        settings: dict of the flags.
        times: four floats in seconds: the start, the imports done, the network built, the first step done.

    Returns:
        Dict with `SETTINGS`; "frontend" (None for a network without), "jit_compile" (bool), "device", "cpu_cores",
        "versions" (dict); "parameters" (trainable), "gflops_per_image" (10**9 operations of a forward pass, None if
        they cannot be counted), the "..._seconds" of the cold start, "training_steps" and "inference_steps" (of a
        round), "training_images_per_second", "inference_images_per_second", "latency_ms_median", "latency_ms_p95" (of
        a batch), "matmul_peak_gflops_per_second", for training and inference "..._gflops_per_second" and
        "..._share_of_peak" (0..1), "peak_memory_mib" (of the process), "device_memory_mib" (None if the engine does
        not tell), "scoring_ms_per_image"; with a dataset, "workers", "input_images_per_second" and
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
    # From here on nothing may count as the network's memory.
    result["gflops_per_image"] = gflops(settings)
    result["matmul_peak_gflops_per_second"] = matmul_peak(keras.config.dtype_policy().compute_dtype) / 1e9
    result.update(achieved(result, "training", PASSES), **achieved(result, "inference", 1))
    result["scoring_ms_per_image"] = 1000 * scoring_seconds()
    return {**result, **(input_speed(settings) if settings["dataset"] else {})}


def achieved(result, kind, passes):
    """Dict: "<kind>_gflops_per_second", "<kind>_share_of_peak"; None if the operations are not known."""
    speed = share = None
    if result["gflops_per_image"] is not None:
        speed = result["gflops_per_image"] * passes * result[f"{kind}_images_per_second"]
        share = speed / result["matmul_peak_gflops_per_second"]
    return {f"{kind}_gflops_per_second": speed, f"{kind}_share_of_peak": share}


def random_batch(settings, outputs=()):
    """uint8 images `(B, H, W, 3)` and labels `(B, H, W)`; with names of outputs, a dict from each to the labels."""
    rng = np.random.default_rng(0)
    shape = (settings["batch_size"], settings["crop_height"], settings["crop_width"])
    images = rng.integers(0, 256, (*shape, 3), np.uint8)
    labels = rng.integers(0, settings["num_classes"], shape).astype(np.uint8)
    return images, dict.fromkeys(outputs, labels) if outputs else labels


class Repeated(keras.utils.PyDataset):
    """The same batch `steps` times."""

    def __init__(self, batch, steps):
        super().__init__()
        self.batch, self.steps = batch, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return self.batch


class StepTimes(keras.callbacks.Callback):
    """Notes when each step was done: its loss known here, as train.py's guard against NaN wants it."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        self.times.append(time.perf_counter())


def train(model, batch, steps):
    """Trains `steps` steps on one batch.

    Returns:
        List of `steps - 1` floats, the seconds of every step but the first, before which the data is set up.
    """
    times = StepTimes()
    model.fit(Repeated(batch, steps), shuffle=False, verbose=0, callbacks=[times])
    return np.diff(times.times).tolist()


def steps_of_round(seconds, steps=None):
    """`steps`, or as many steps of `seconds` each as make a round."""
    return steps or max(1, round(ROUND_SECONDS / seconds))


def training_speed(model, batch, rounds, steps=None):
    """Dict: "training_images_per_second" of the median round, "training_steps" of a round."""
    steps = steps_of_round(train(model, batch, WARM_UP)[-1], steps)
    seconds = np.reshape(train(model, batch, 1 + rounds * steps), (rounds, steps)).sum(axis=1)
    return {
        "training_images_per_second": steps * len(batch[0]) / quantile(seconds.tolist(), 0.5),
        "training_steps": steps,
    }


def inference_speed(model, images, settings):
    """Dict: "inference_images_per_second" of the median round, "inference_steps" of a round, latencies of a batch."""
    predictor = Predictor(KerasBackend(model, use_xla(settings["jit_compile"])), len(images))

    def predict(steps):
        return seconds_of(lambda: list(predictor(enumerate(images))), steps)

    steps = steps_of_round(predict(1 + WARM_UP)[-1], settings["steps"])
    rounds = [predict(steps) for _ in range(settings["rounds"])]
    latencies = [1000 * seconds for one in rounds for seconds in one]
    return {
        "inference_images_per_second": steps * len(images) / quantile(map(sum, rounds), 0.5),
        "inference_steps": steps,
        "latency_ms_median": quantile(latencies, 0.5),
        "latency_ms_p95": quantile(latencies, 0.95),
    }


def gflops(settings):
    """10**9 operations of a forward pass for one image, or None: not every network can be built for a small fixed size."""
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


def matmul_peak(dtype):
    """Operations per second of the fastest square matrix product of a few sizes."""
    best = 0.0
    for size in MATRIX_SIZES:
        # Random, of such a size that repeated products neither vanish nor overflow.
        matrix = ops.cast(np.random.default_rng(0).normal(0, size**-0.5, (size, size)).astype("float32"), dtype)

        def products(count):
            product = matrix
            for _ in range(count):
                product = ops.matmul(product, matrix)
            ops.convert_to_numpy(product[0, :1])  # some engines compute only when asked

        seconds = seconds_of(lambda: products(1), 2)[1]
        count = max(1, int(0.1 / seconds))
        best = max(best, 2 * size**3 * count / min(seconds_of(lambda: products(count), 3)))
        if seconds > 0.05:  # larger ones are hardly faster per operation
            break
    return best


def scoring_seconds():
    """Median seconds that an image's entry in the confusion matrix and its scores take, without reading it."""
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, SCORED_CLASSES, (2, SCORED_SIZE, SCORED_SIZE)).astype(np.uint8)
    confusion = ConfusionMatrix(SCORED_CLASSES)
    return quantile(seconds_of(lambda: image_scores(confusion.update(labels, predictions)), 20)[1:], 0.5)


def input_speed(settings):
    """Images per second that train.py's data gives without a network, with and without decoded images in memory."""
    folder, result = pathlib.Path(settings["dataset"]), {"workers": settings["workers"]}
    pairs, class_dict = list_pairs(folder, "train")[:MOST_PAIRS], read_classes(folder, unknown="ignore")
    augmentation = Augmentation(settings["crop_height"], settings["crop_width"])
    for name, cache in (("input_images_per_second", False), ("input_cached_images_per_second", True)):
        data = SegmentationDataset(
            pairs,
            class_dict,
            augmentation,
            settings["batch_size"],
            cache=cache,
            workers=settings["workers"],
        )

        def epoch():
            for _ in data.batches():
                pass

        epoch()  # fills the cache
        seconds = seconds_of(epoch, settings["rounds"])
        result[name] = len(data) * settings["batch_size"] / quantile(seconds, 0.5)
    return result


def device_memory():
    """The most memory, in MiB, that the engine has had on the first accelerator; None if there is none."""
    engine, name = importlib.import_module(keras.config.backend()), keras.config.backend()
    used = None
    if name == "tensorflow" and engine.config.list_physical_devices("GPU"):
        used = engine.config.experimental.get_memory_info("GPU:0")["peak"]
    elif name == "jax":
        used = (engine.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    elif name == "torch" and engine.cuda.is_available():
        used = engine.cuda.max_memory_allocated()
    return used and used / 2**20
