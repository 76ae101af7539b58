"""Compares the suggestion of train.py's `--find_learning_rate` with the best rate of a grid, for several networks.

    python tools/check_learning_rate.py

Each network is trained on small synthetic streets from the same initial weights: for the suggestion, then with each
rate of the grid. Mean IoU is that of the validation images after the last update. Every measurement is kept in the
results, and not repeated.
"""

import json
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.cli import Parser, train_parser
from utils.cli.choices import OPTIMIZERS, SCHEDULES
from utils.cli.types import positive_int
from utils.errors import report_errors
from utils.files import make_folder, write_json

# Without a frontend None. From scratch, so that nothing is downloaded.
NETWORKS = {
    "custom": "MobileNetV3Small",
    "UNet-Frontend": "MobileNet",
    "DeepLabV3_plus": "MobileNetV3Small",
    "BiSeNet": "MobileNet",
    "LinkNet": "MobileNet",
    "ICNet": "MobileNet",
    "DenseASPP": "MobileNetV3Small",
}
GRID = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
NEAR = 3.0  # largest factor between the suggestion and the best rate
STREETS = {"train": 120, "val": 40, "test": 1, "height": 96, "width": 128}
FLAGS = {"frontend_weights": "none", "batch_size": 4, "crop_height": 96, "crop_width": 128, "h_flip": True}


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/check_learning_rate.py", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), help="networks")
    parser.add_argument("--updates", type=positive_int, default=120, help="updates of each training")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adamw", help="optimizer")
    parser.add_argument("--schedule", choices=SCHEDULES, default="poly", help="schedule of the learning rate")
    parser.add_argument("--output_dir", default="learning_rates", help="folder for the dataset and the results")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    from tools.make_streets import make_streets
    from utils.backend import import_backend

    folder = make_folder(args.output_dir)
    dataset = folder / "Streets"
    if not dataset.exists():
        make_streets(dataset, **STREETS)
    import_backend()
    path = folder / f"results_{args.optimizer}_{args.schedule}.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in args.models:
        if results.get(name, {}).get("updates") != args.updates:
            results[name] = {"updates": args.updates, "mean_iou": {}}
        measure(name, dataset, args, results[name], lambda: write_json(path, results))
        print(describe(name, results[name]), flush=True)
    near = sum(results[name]["factor"] <= NEAR for name in args.models)
    print(f"{near} of {len(args.models)} suggestions are within {NEAR:g}x of the best rate of the grid")
    return 0


def measure(name: str, dataset: pathlib.Path, args, result: dict, keep) -> None:
    """Measures the suggestion for a network and the scores of the grid, as far as they are missing.

    Args:
        name: a key of `NETWORKS`.
        dataset: folder.
        args: flags of this command.
        result: dict with "mean_iou", from rates of the grid as str to 0..1. These are added: "rates" and "losses" of
            the range test, "trials" (dict from rate to losses), "suggestion", "best" rate, and "factor" between the
            two, >= 1.
        keep: function that is called after each measurement.
    """
    from utils.training.learning_rate_search import search_rate
    from utils.training.learning_rate_trials import state_variables

    scores = result["mean_iou"]
    missing = [rate for rate in GRID if str(rate) not in scores]
    if missing or "suggestion" not in result:
        settings, opened, model = build(name, dataset, args)
        start = [variable.numpy() for variable in state_variables(model)]
        if "suggestion" not in result:
            found = search_rate(model, opened.dataset, settings, lambda text: print(" ", text, flush=True))
            result |= {"rates": found.rates.tolist(), "losses": found.losses.tolist(), "suggestion": found.suggestion}
            result["trials"] = {str(rate): losses.tolist() for rate, losses in found.trials.items()}
            keep()
        for rate in missing:
            for variable, value in zip(state_variables(model), start):
                variable.assign(value)
            scores[str(rate)] = train(model, opened, rate, args)
            print(f"  {name} at {rate:g}: mean IoU {100 * scores[str(rate)]:.1f} %", flush=True)
            keep()
    result["best"] = float(max(scores, key=scores.get))
    result["factor"] = max(result["suggestion"] / result["best"], result["best"] / result["suggestion"])
    keep()


def build(name: str, dataset: pathlib.Path, args):
    """Builds a network and opens its data.

    Returns:
        `(settings, opened, model)`: flags of train.py, `utils.data.training_data.TrainingData`, compiled network.
    """
    from utils.data.augmentation import Augmentation
    from utils.data.folder import read_classes
    from utils.data.training_data import open_training_data
    from utils.training.build import build_training_model, output_names
    from utils.training.learning_rate_range import PLAIN

    settings = {**vars(train_parser().parse_args([])), **FLAGS, "model": name, "frontend": NETWORKS[name]}
    settings |= {"optimizer": args.optimizer, "schedule": args.schedule, "num_epochs": 1}
    class_dict = read_classes(dataset)
    settings["num_classes"] = class_dict.num_classes
    opened = open_training_data(
        [dataset],
        class_dict,
        Augmentation(settings["crop_height"], settings["crop_width"], h_flip=settings["h_flip"]),
        num_val_images=0,
        outputs=output_names(settings),
        batch_size=settings["batch_size"],
        cache=True,
    )
    return settings, opened, build_training_model({**settings, **PLAIN})


def train(model, opened, rate: float, args) -> float:
    """Trains a network with a schedule that begins with `rate`; returns the mean IoU of the validation images."""
    from models import inference_model
    from utils.evaluation import evaluate
    from utils.inference import KerasBackend, Predictor
    from utils.training.learning_rate_range import SteppedRates
    from utils.training.optimizers import build_schedule
    from utils.training.precise_batch_norm import BatchNormStatistics

    schedule = build_schedule(args.schedule, rate, args.updates, 1)
    rates = [float(schedule(step)) if callable(schedule) else rate for step in range(args.updates)]
    data = opened.dataset
    data.steps = args.updates
    data.set_epoch(1)
    model.fit(data, shuffle=False, verbose=0, callbacks=[SteppedRates(rates, diverged=None)])
    BatchNormStatistics(model, model.jit_compile).estimate(data)
    predictor = Predictor(KerasBackend(inference_model(model), model.jit_compile), data.batch_size)
    return evaluate(predictor, opened.validation_pairs, data.class_dict).confusion.result()["mean_iou"]


def describe(name: str, result: dict) -> str:
    """Describes the result of a network in one line."""
    scores = ", ".join(f"{float(rate):g}: {100 * score:.1f}" for rate, score in result["mean_iou"].items())
    return (
        f"{name}: suggested {result['suggestion']:.2g}, best of the grid {result['best']:g} "
        f"(factor {result['factor']:.1f}; mean IoU in %: {scores})"
    )


if __name__ == "__main__":
    sys.exit(main())
