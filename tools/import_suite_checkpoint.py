"""Converts a TensorFlow 1 checkpoint of the original suite for test.py, predict.py and train.py.

    python tools/import_suite_checkpoint.py --model FC-DenseNet56 --dataset CamVid \
        --checkpoint checkpoints/latest_model_FC-DenseNet56_CamVid.ckpt --output FC-DenseNet56.keras

It supports the networks without a frontend, which have the layers of the original. AdapNet needs 12 classes, a number
that is fixed in the original network.
"""

import pathlib
import re
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools.original_suite.variables import NOT_OF_THE_NETWORK, has_statistics, import_variables
from utils.cli import Parser, train_parser
from utils.errors import RunError, UsageError, first_line, report_errors

# Supported networks, with notes on differences despite equal weights.
IMPORTABLE = {
    "FC-DenseNet56": "",
    "FC-DenseNet67": "",
    "FC-DenseNet103": "",
    "Encoder-Decoder": "",
    "Encoder-Decoder-Skip": "",
    "FRRN-A": "the original lacks the identity mapping of its residual units; train the network further before use",
    "FRRN-B": "the original lacks the identity mapping of its residual units; train the network further before use",
    "MobileUNet": "",
    "MobileUNet-Skip": "",
    "AdapNet": "the original resizes with other sampling positions; logits differ slightly near borders",
}
MAX_CROP = 512  # pixels, for the statistics of large images, as in training with the original suite
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
        print(f"note: {IMPORTABLE[args.model]}")
    if has_statistics(variables):
        print("The batch-norm statistics of the checkpoint are kept")
    elif args.no_statistics:
        print("The checkpoint has no batch-norm statistics and none are estimated: the network needs training")
    else:
        print(
            "The checkpoint has no batch-norm statistics, because the original suite never updates them: estimating "
            f"them on {folder / 'train'} ...",
            flush=True,
        )
        estimate_statistics(model, folder)
    make_folder(pathlib.Path(args.output).parent)
    save_checkpoint(args.output, model, settings, new_state(0))
    print(f"Wrote {args.output}")
    return 0


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/import_suite_checkpoint.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--checkpoint",
        required=True,
        metavar="PATH.ckpt",
        help="common prefix of the checkpoint's files, or its .index file",
    )
    parser.add_argument(
        "--model", required=True, choices=list(MODELS), metavar="NAME", help=f"one of: {', '.join(IMPORTABLE)}"
    )
    parser.add_argument(
        "--dataset",
        default="CamVid",
        help="name (searched in . and datasets/) or path of the training dataset; default: CamVid",
    )
    parser.add_argument("--output", required=True, metavar="FILE.keras", help="checkpoint to create")
    parser.add_argument(
        "--no_statistics",
        action="store_true",
        help="do not estimate missing batch-norm statistics",
    )
    return parser


def check_flags(model, checkpoint, output):
    """Raises UsageError for flags that are invalid; needs no Keras."""
    if model not in IMPORTABLE:
        reason = "its networks with a frontend differ" if MODELS[model].frontend else "which has no such network"
        raise UsageError(
            f"--model {model} cannot be imported from the original suite, {reason}; choose from {', '.join(IMPORTABLE)}"
        )
    if pathlib.Path(output).suffix != ".keras":
        raise UsageError(f"--output {output} must end with .keras")
    if pathlib.Path(output).exists():
        raise UsageError(f"--output {output} exists already; remove it or choose another name")
    index = pathlib.Path(f"{checkpoint_prefix(checkpoint)}.index")
    if not index.is_file():
        raise UsageError(f"--checkpoint {checkpoint}: there is no file {index}")


def checkpoint_prefix(path):
    """Returns the common prefix of a checkpoint's files: `path` itself, or without the extension of a file."""
    return CHECKPOINT_PART.sub("", str(path))


def read_variables(path):
    """Reads a TensorFlow checkpoint.

    Args:
        path: str, common prefix of its files, or one of them.

    Returns:
        List of `(name, array)`, without variables of optimizers.

    Raises:
        UsageError: if it cannot be read.
        RunError: if TensorFlow is not installed.
    """
    try:
        import tensorflow as tf
    except ImportError:
        raise RunError("reading a TensorFlow checkpoint needs TensorFlow: pip install tensorflow") from None
    try:
        reader = tf.train.load_checkpoint(checkpoint_prefix(path))
        names = [name for name in reader.get_variable_to_shape_map() if not NOT_OF_THE_NETWORK.search(name)]
        return [(name, reader.get_tensor(name)) for name in sorted(names)]
    except Exception as error:  # the readers raise errors of many classes
        raise UsageError(f"--checkpoint {path} cannot be read: {first_line(error)}") from error


def prepare_model(settings, variables):
    """Builds the network with the weights of the original, compiled for further training.

    Args:
        settings: dict of a checkpoint, with "imported_from", the path of the original checkpoint.
        variables: as in `import_variables`.

    Returns:
        `keras.Model`.

    Raises:
        UsageError: if the variables belong to another network or have another number of classes.
    """
    from models import build_model
    from utils.training.optimizers import build_optimizer

    source, num_classes = settings["imported_from"], settings["num_classes"]
    biases = [value for name, value in variables if re.search(r"(^|/)logits/biases$", name)]
    stored_classes = len(biases[0]) if biases else num_classes
    if stored_classes != num_classes:
        raise UsageError(
            f"{source} has {stored_classes} classes, the class_dict.csv of {settings['dataset_path']} {num_classes}"
        )
    model = build_model(settings["model"], num_classes)
    try:
        import_variables(model, variables)
    except ValueError as error:
        raise UsageError(f"{source} does not match {settings['model']}: {error}") from error
    model.compile(build_optimizer(settings["optimizer"], settings["learning_rate"]))
    model.optimizer.build(model.trainable_variables)
    return model


def estimate_statistics(model, folder):
    """Estimates the batch-norm statistics on the training images of the dataset in `folder`, one at a time."""
    from utils.backend import use_xla
    from utils.data.augmentation import Augmentation
    from utils.data.dataset import SegmentationDataset
    from utils.data.folder import list_pairs, read_classes
    from utils.data.images import read_image
    from utils.inference.predictor import SIZE_MULTIPLE
    from utils.training.precise_batch_norm import BatchNormStatistics

    pairs = list_pairs(folder, "train")
    size = read_image(pairs[0].image).shape[:2]
    crop = (max(min(side, MAX_CROP) // SIZE_MULTIPLE, 1) * SIZE_MULTIPLE for side in size)
    class_dict = read_classes(folder, unknown="ignore")  # only the images matter
    data = SegmentationDataset(pairs, class_dict, Augmentation(*crop), batch_size=1)
    BatchNormStatistics(model, use_xla(None)).estimate(data)


if __name__ == "__main__":
    sys.exit(main())
