"""Measures the latency of the networks of the recorded CamVid experiments, and plots it with their scores.

    python tools/time_experiments.py && python tools/make_tables.py

All networks run interleaved in one process. Their weights are random, which does not change the speed. Each predicts an
image of 360x480 with the views of its experiment. Experiments that differ in training only are one network here, with
the best of their scores.
"""

import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools import ROOT, flag_words
from tools.results.records import LATENCIES, recorded, title
from tools.speed.latency_plot import plot_latencies
from tools.speed.timing import as_unit, interleaved_medians
from utils.backend import import_backend, set_precision, versions
from utils.benchmark.timing import cpu_cores, machine_info
from utils.cli import Parser
from utils.cli import test_parser as build_test_parser
from utils.cli.types import positive_int
from utils.errors import UsageError, report_errors
from utils.files import write_json

FIGURE = ROOT / "docs" / "images" / "camvid_latency.png"
HEIGHT, WIDTH = 360, 480  # pixels


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/time_experiments.py", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=positive_int, default=9, help="measurements of each network; default: 9")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    # The last of equal titles wins: the best one.
    experiments = {title(experiment): experiment for experiment in reversed(recorded("camvid").values())}
    if not experiments:
        raise UsageError("no experiment on CamVid is recorded yet; see tools/reproduce.py --record")
    predictors, parameters = build_predictors(experiments)
    milliseconds = measure_latencies(predictors, args.rounds)
    write_results(experiments, milliseconds, parameters, args.rounds)
    return 0


def build_predictors(experiments):
    """Builds the networks.

    Args:
        experiments: dict from titles to experiments.

    Returns:
        Two dicts from the same titles: `Predictor` with the views of test.py, and the number of trainable parameters.
    """
    import_backend()
    from models import build_model
    from utils.backend import use_xla
    from utils.benchmark.complexity import count_parameters
    from utils.inference.batch_statistics import use_batch_statistics
    from utils.inference.keras_backend import KerasBackend
    from utils.inference.predictor import Predictor

    predictors, parameters = {}, {}
    for name, experiment in experiments.items():
        train, test = experiment["train"], build_test_parser().parse_args(view_words(experiment["test"]))
        set_precision(train.get("mixed_precision", "float32"))
        model = build_model(
            train["model"],
            len(experiment["result"]["class_iou"]),
            train.get("frontend", "ResNet101"),
            output_stride=train.get("output_stride"),
        )
        if test.batch_statistics:
            use_batch_statistics(model)
        predictors[name] = Predictor(KerasBackend(model, use_xla(None)), 1, test.scales, test.flip)
        parameters[name] = count_parameters(model)
    return predictors, parameters


def view_words(flags):
    """Selects the flags of test.py that determine the views of an image, as words of a command line."""
    return flag_words({name: flags[name] for name in ("scales", "flip", "batch_statistics") if name in flags})


def measure_latencies(predictors, rounds):
    """Measures the time from pixels to class indices.

    Args:
        predictors: dict from titles to `Predictor`.
        rounds: int.

    Returns:
        Dict from the titles to the median in milliseconds.
    """
    import numpy as np

    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    candidates = {name: as_unit(predict_image, predictor, image) for name, predictor in predictors.items()}
    seconds = interleaved_medians(candidates, rounds)
    return {name: round(1000 * value, 1) for name, value in seconds.items()}


def predict_image(predictor, image):
    """Predicts a uint8 image `(H, W, 3)`."""
    return list(predictor([("", image)]))


def write_results(experiments, milliseconds, parameters, rounds):
    """Writes and prints the latencies, and plots them."""
    for name in sorted(milliseconds, key=milliseconds.get):
        score = experiments[name]["result"]["mean_iou"]
        print(f"{name:52} {milliseconds[name]:8.1f} ms   mean IoU {100 * score:.2f} %")
    machine = {**machine_info(), **versions()}
    values = {"machine": machine, "rounds": rounds, "milliseconds": milliseconds, "parameters": parameters}
    write_json(LATENCIES, values)
    points = {name: (value, 100 * experiments[name]["result"]["mean_iou"]) for name, value in milliseconds.items()}
    cores = "two CPU cores" if cpu_cores() == 2 else "the CPU"
    plot_latencies(FIGURE, points, f"{WIDTH}x{HEIGHT}", f"Accuracy and latency on {cores}")
    print(f"Wrote {LATENCIES} and {FIGURE}")


if __name__ == "__main__":
    sys.exit(main())
