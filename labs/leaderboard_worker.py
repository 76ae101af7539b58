"""Process of the leaderboard that loads or trains one submission and scores it.

python labs/leaderboard_worker.py SUBMISSION DATASET EPOCHS MAX_PARAMETERS RESULT.json
"""

import json
import pathlib
import runpy
import statistics
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.errors import UsageError, report_errors

TIMED_IMAGES = 20


@report_errors
def main(argv=None):
    """Scores the submission that `argv` names and writes its result."""
    path, dataset, epochs, max_parameters, output = sys.argv[1:] if argv is None else argv
    from utils.backend import import_backend

    import_backend("float32")
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        model = load(path)
        check_size(model, int(max_parameters))
    else:
        model = train(path, int(epochs), int(max_parameters))
    pathlib.Path(output).write_text(json.dumps(score(model, dataset)))
    return 0


def load(path: pathlib.Path):
    """Loads a network in safe mode: no code of the file is run.

    Raises:
        UsageError: if the file is not a checkpoint, or has layers that the suite and Keras do not have.
    """
    import keras

    from utils import checkpoints  # noqa: F401  registers the suite's layers

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise UsageError(f"{path.name} cannot be loaded: {str(error).splitlines()[0][:150]}") from error


def train(path: pathlib.Path, epochs: int, max_parameters: int):
    """Trains the network of a Python file on the training split of Streets.

    Raises:
        UsageError: if the file has no `build_network`, or the network has too many parameters.
    """
    from labs import course
    from models import build_model

    builder = runpy.run_path(str(path)).get("build_network")
    if builder is None:
        raise UsageError(f"{path.name} has no function build_network(end_points, num_classes)")
    name = course.register_network("submission", builder)
    model = build_model(name, len(course.class_dict().class_names), "MobileNetV3Small")
    check_size(model, max_parameters)
    return course.train(name, epochs, model=model).model


def check_size(model, max_parameters: int) -> None:
    """Refuses a network with too many parameters."""
    if model.count_params() > max_parameters:
        raise UsageError(f"{model.count_params():,} parameters, more than {max_parameters:,}")


def score(model, dataset: str) -> dict:
    """Scores a network on the test split of a dataset, and measures the median time of one image."""
    from labs import course
    from utils.benchmark.timing import seconds_of
    from utils.inference import Predictor

    folder = pathlib.Path(dataset)
    outputs, classes = model.output_shape[-1], course.class_dict(folder).num_classes
    if outputs != classes:
        raise UsageError(f"the network has {outputs} outputs, not one for each of {classes} classes")
    ((_, image, _),) = course.read_split("test", 1, folder)
    predict = Predictor(model)
    seconds = seconds_of(lambda: list(predict([("one", image)])), TIMED_IMAGES)
    return {
        "mean_iou": float(course.test(model, folder=folder)["mean_iou"]),
        "parameters": int(model.count_params()),
        "milliseconds": 1000 * statistics.median(seconds),
    }


if __name__ == "__main__":
    sys.exit(main())
