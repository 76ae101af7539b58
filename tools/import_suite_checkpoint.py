"""Turns a TensorFlow 1 checkpoint of the original suite into one for test.py, predict.py and train.py.

    python tools/import_suite_checkpoint.py --model FC-DenseNet56 --dataset CamVid \
        --checkpoint checkpoints/latest_model_FC-DenseNet56_CamVid.ckpt --output FC-DenseNet56.keras

For the networks without a frontend, which are layer for layer the original's; AdapNet with 12 classes only, a number
that the original had written into the middle of it.
"""

import pathlib
import re
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools.original_suite.variables import NOT_OF_THE_NETWORK, has_statistics, import_variables
from utils.cli import Parser, train_parser
from utils.errors import RunError, UsageError, report_errors

# Networks that can be imported, and how ours differ although the weights are the same.
IMPORTABLE = {
    "FC-DenseNet56": "",
    "FC-DenseNet67": "",
    "FC-DenseNet103": "",
    "Encoder-Decoder": "",
    "Encoder-Decoder-Skip": "",
    "FRRN-A": "the original had lost the identity of its residual units; train on before you use the weights",
    "FRRN-B": "the original had lost the identity of its residual units; train on before you use the weights",
    "MobileUNet": "",
    "MobileUNet-Skip": "",
    "AdapNet": "the original resized with another sampling; logits differ a little near borders",
}
LARGEST_CROP = 512  # pixels; for the statistics of large images, as the original suite trained
CHECKPOINT_PART = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    check_flags(args.model, args.checkpoint, args.output)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.backend import import_backend, versions
    from utils.data.folder import read_classes

    folder = find_or_make_dataset(args.dataset)
    class_dict = read_classes(folder)
    import_backend()
    from utils.checkpoints import save_checkpoint
    from utils.files import make_folder
    from utils.training.record import new_state

    print("Loading model checkpoint weights ...", flush=True)
    variables = read_variables(args.checkpoint)
    print("Preparing the model ...", flush=True)
    settings = {
        **vars(train_parser().parse_args([])),
        "model": args.model,
        "dataset": args.dataset,
        "dataset_path": str(folder.resolve()),
        **class_dict.to_dict(),
        "num_classes": class_dict.num_classes,
        "versions": versions(),
        "imported_from": str(pathlib.Path(args.checkpoint).resolve()),
    }
    model = prepare_model(settings, variables)
    if IMPORTABLE[args.model]:
        print(f"Note: {IMPORTABLE[args.model]}")
    if has_statistics(variables):
        print("The checkpoint's own batch-norm statistics are kept")
    elif args.no_statistics:
        print("The checkpoint has no batch-norm statistics and none are estimated: the network needs training")
    else:
        print(
            "The checkpoint has no batch-norm statistics, for the original suite never updated them: estimating "
            f"them from {folder / 'train'} ...",
            flush=True,
        )
        estimate_statistics(model, folder)
    make_folder(pathlib.Path(args.output).parent)
    save_checkpoint(args.output, model, settings, new_state(0))
    print(f"Wrote {args.output}")
    return 0


def build_parser():
    """The flags of this tool."""
    parser = Parser(prog="tools/import_suite_checkpoint.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--checkpoint",
        required=True,
        metavar="PATH.ckpt",
        help="what the names of the checkpoint's files have in common, or its .index file",
    )
    parser.add_argument(
        "--model", required=True, choices=list(MODELS), metavar="NAME", help=f"one of: {', '.join(IMPORTABLE)}"
    )
    parser.add_argument(
        "--dataset",
        default="CamVid",
        help="what it was trained on: a name (looked for in . and datasets/) or a path; default: CamVid",
    )
    parser.add_argument("--output", required=True, metavar="FILE.keras", help="the checkpoint to write")
    parser.add_argument(
        "--no_statistics",
        action="store_true",
        help="if the checkpoint has no batch-norm statistics, do not estimate them",
    )
    return parser


def check_flags(model, checkpoint, output):
    """Checks the flags as far as possible without Keras."""
    if model not in IMPORTABLE:
        reason = "its networks with a frontend are not ours" if MODELS[model].frontend else "it had no such network"
        raise UsageError(
            f"--model {model} cannot come from the original suite, {reason}; one of {', '.join(IMPORTABLE)}"
        )
    if pathlib.Path(output).suffix != ".keras":
        raise UsageError(f"--output {output} must end with .keras")
    if pathlib.Path(output).exists():
        raise UsageError(f"--output {output} exists already; remove it or choose another name")
    index = pathlib.Path(f"{checkpoint_prefix(checkpoint)}.index")
    if not index.is_file():
        raise UsageError(f"--checkpoint {checkpoint}: there is no file {index}")


def checkpoint_prefix(path):
    """Returns the common prefix of a checkpoint's files: `path`, or that of the file that it names."""
    return CHECKPOINT_PART.sub("", str(path))


def read_variables(path):
    """Reads a TensorFlow checkpoint.

    Args:
        path: str, what its files' names have in common, or one of them.

    Returns:
        List of `(name, array)`; without those of optimizers.

    Raises:
        UsageError: if it cannot be read.
        RunError: if there is no TensorFlow.
    """
    try:
        import tensorflow as tf
    except ImportError:
        raise RunError("a TensorFlow checkpoint needs TensorFlow to read it; pip install tensorflow") from None
    try:
        reader = tf.train.load_checkpoint(checkpoint_prefix(path))
        names = [name for name in reader.get_variable_to_shape_map() if not NOT_OF_THE_NETWORK.search(name)]
        return [(name, reader.get_tensor(name)) for name in sorted(names)]
    except Exception as error:  # TensorFlow raises whatever its readers raise
        raise UsageError(f"--checkpoint {path} cannot be read: {str(error).strip().splitlines()[0]}") from error


def prepare_model(settings, variables):
    """Builds the network with the original's weights, compiled so that train.py can go on with it.

    Args:
        settings: dict, as train.py keeps it in a checkpoint; with "imported_from", where the variables are from.
        variables: as in `import_variables`.

    Returns:
        `keras.Model`.

    Raises:
        UsageError: if the variables are of another network or of another number of classes.
    """
    from models import build_model
    from utils.training.optimizers import build_optimizer

    source, num_classes = settings["imported_from"], settings["num_classes"]
    found = next((len(value) for name, value in variables if re.search(r"(^|/)logits/biases$", name)), num_classes)
    if found != num_classes:
        raise UsageError(
            f"{source} has {found} classes, the class_dict.csv of {settings['dataset_path']} {num_classes}"
        )
    model = build_model(settings["model"], num_classes)
    try:
        import_variables(model, variables)
    except ValueError as error:
        raise UsageError(f"{source} does not fit {settings['model']}: {error}") from error
    model.compile(build_optimizer(settings["optimizer"], settings["learning_rate"]))
    model.optimizer.build(model.trainable_variables)
    return model


def estimate_statistics(model, folder):
    """Estimates the batch-norm statistics from training images of the dataset in `folder`, one at a time."""
    from utils.backend import use_xla
    from utils.data.augmentation import Augmentation
    from utils.data.dataset import SegmentationDataset
    from utils.data.folder import list_pairs, read_classes
    from utils.data.images import read_image
    from utils.inference.predictor import SIZE_MULTIPLE
    from utils.training.precise_batch_norm import BatchNormStatistics

    pairs = list_pairs(folder, "train")
    size = read_image(pairs[0].image).shape[:2]
    crop = (max(min(side, LARGEST_CROP) // SIZE_MULTIPLE, 1) * SIZE_MULTIPLE for side in size)
    class_dict = read_classes(folder, unknown="ignore")  # the statistics are those of the images alone
    data = SegmentationDataset(pairs, class_dict, Augmentation(*crop), batch_size=1)
    BatchNormStatistics(model, use_xla(None)).estimate(data)


if __name__ == "__main__":
    sys.exit(main())
