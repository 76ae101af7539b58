"""Measures how long the networks of the recorded CamVid recipes take for one image, and draws it beside their scores.

    python tools/time_experiments.py && python tools/make_tables.py

All networks are in one process and take turns, so that a busy moment of the machine meets all of them. Their weights
are random, as they do not matter for speed; each sees an image of 360x480 as often as its recipe tests it. Recipes that
differ in training alone are one network here, which the picture shows with the best of their scores.
"""

import sys
import time

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools import ROOT
from tools.reproduce import recorded, words
from utils.backend import import_backend, set_precision, versions
from utils.benchmark.report import plot_numbered
from utils.benchmark.timing import cpu_cores, quantile
from utils.cli import Parser
from utils.cli import test_parser as parser_of_test
from utils.cli.types import positive_int
from utils.errors import UsageError, report_errors
from utils.files import atomic_write

RESULTS = ROOT / "tools" / "results" / "camvid_latency.json"
PICTURE = ROOT / "docs" / "images" / "camvid_latency.png"
HEIGHT, WIDTH = 360, 480  # pixels


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    flags = Parser(prog="tools/time_experiments.py", description=__doc__.splitlines()[0])
    flags.add_argument("--rounds", type=positive_int, default=9, help="images that each network sees; default: 9")
    args = flags.parse_args(argv)
    recipes = {title(recipe): recipe for recipe in reversed(recorded("camvid").values())}  # the best of each title
    if not recipes:
        raise UsageError("no recipe for CamVid is recorded yet; see tools/reproduce.py --record")
    predictors, parameters = predictors_of(recipes)
    measured = latencies(predictors, args.rounds)
    write(recipes, measured, parameters, args.rounds)
    return 0


def predictors_of(recipes):
    """Builds the networks.

    Args:
        recipes: dict from title to recipe.

    Returns:
        Two dicts from the same titles: `Predictor` with the views that test.py would score, and the number of trainable
        parameters.
    """
    import_backend()
    from models import build_model
    from utils.backend import use_xla
    from utils.benchmark.complexity import count_parameters
    from utils.inference.batch_statistics import use_batch_statistics
    from utils.inference.keras_backend import KerasBackend
    from utils.inference.predictor import Predictor

    predictors, parameters = {}, {}
    for name, recipe in recipes.items():
        train, test = recipe["train"], parser_of_test().parse_args(words_for_one_image(recipe["test"]))
        set_precision(train.get("mixed_precision", "float32"))
        model = build_model(
            train["model"],
            len(recipe["result"]["class_iou"]),
            train.get("frontend", "ResNet101"),
            output_stride=train.get("output_stride"),
        )
        if test.batch_statistics:
            use_batch_statistics(model)
        predictors[name] = Predictor(KerasBackend(model, use_xla(None)), 1, test.scales, test.flip)
        parameters[name] = count_parameters(model)
    return predictors, parameters


def latencies(predictors, rounds):
    """Measures all networks, in turns.

    Args:
        predictors: dict from title to `Predictor`.
        rounds: int, images that each of them sees after two that do not count.

    Returns:
        Dict from the titles to the median, in milliseconds, of the time from pixels to class indices.
    """
    import numpy as np

    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    seconds = {name: [] for name in predictors}
    for turn in range(rounds + 2):
        for name, predictor in predictors.items():
            start = time.perf_counter()
            list(predictor([("", image)]))
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: round(1000 * quantile(values, 0.5), 1) for name, values in seconds.items()}


def words_for_one_image(flags):
    """Those of test.py's flags that tell how often and how an image is seen, as words of a command line."""
    return words({name: flags[name] for name in ("scales", "flip", "batch_statistics") if name in flags})


def write(recipes, measured, parameters, rounds):
    """Writes the result and draws the picture, and prints both."""
    from tools.compare_speed import cpu_name
    from utils.files import write_json

    for name in sorted(measured, key=measured.get):
        print(f"{name:52} {measured[name]:8.1f} ms   mean IoU {100 * recipes[name]['result']['mean_iou']:.2f} %")
    machine = {"cpu": cpu_name(), "cores": cpu_cores(), **versions()}
    write_json(
        RESULTS,
        {
            "machine": machine,
            "rounds": rounds,
            "milliseconds": measured,
            "parameters": parameters,
        },
    )
    draw(PICTURE, recipes, measured)
    print(f"Written: {RESULTS}, {PICTURE}")


def draw(path, recipes, measured):
    """Draws mean IoU over latency, a point for each network, and the line of those that none beats in both.

    Args:
        path: of the PNG.
        recipes: dict from title to recorded recipe.
        measured: dict from the same titles to milliseconds.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    points = {name: (measured[name], 100 * recipe["result"]["mean_iou"]) for name, recipe in recipes.items()}
    figure = Figure(figsize=(12, 6), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*frontier(points.values())), color="tab:orange", linewidth=1, zorder=1)
    plot_numbered(axes, list(points.values()), list(points))
    axes.set(
        xscale="log",
        xlabel=f"Latency of one {WIDTH}x{HEIGHT} image, ms",
        ylabel="Mean IoU, CamVid test split, %",
        title="Accuracy and latency on two CPU cores" if cpu_cores() == 2 else "Accuracy and latency on the CPU",
    )
    axes.margins(0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3, which="both")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def title(recipe):
    """A recipe's network and what sets it apart: no frontend and hence no pretraining, output stride, arithmetic if not
    float32, scale, number of views, batch norm by the images' own statistics."""
    model, stride = recipe["train"]["model"], recipe["train"].get("output_stride")
    precision = recipe["train"].get("mixed_precision", "float32")
    scales = sorted(recipe["test"].get("scales", "1").split(","), key=float)
    views = len(scales) * (2 if recipe["test"].get("flip") else 1)
    extent = f" at {scales[0]}-{scales[-1]}" if len(scales) > 1 else ""
    parts = {
        model: True,
        "from scratch": not MODELS[model].frontend,
        f"stride {stride}": stride,
        precision: precision != "float32",
        f"scale {scales[0]}": len(scales) == 1 and float(scales[0]) != 1,
        f"{views} views{extent}": views > 1,
        "batch statistics": recipe["test"].get("batch_statistics"),
    }
    return ", ".join(part for part, is_told in parts.items() if is_told)


def frontier(points):
    """The points `(latency, score)` than which none is both faster and better, by latency."""
    best = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best


if __name__ == "__main__":
    sys.exit(main())
