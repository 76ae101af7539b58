"""Every flag of every verb, typed once. Importing this file imports no Keras: help and mistakes answer at once."""

import argparse
import difflib
import re

from frontends import FRONTENDS
from models import MODELS
from utils.errors import BadUse

LOSSES = ("cross_entropy", "focal", "dice", "lovasz", "bootstrapped", "ohem")
OPTIMIZERS = ("rmsprop", "adam", "adamw", "sgd")
EXPORT_FORMATS = ("savedmodel", "onnx", "litert", "openvino", "keras")
EXPORT_OUTPUTS = ("logits", "classes", "colours")
SCHEDULES = ("constant", "exponential", "poly", "cosine")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        choice = re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            flag, given, choices = choice.groups()
            choices = choices.replace("'", "")
            close = difflib.get_close_matches(given, choices.split(", "), 1, 0.5)
            hint = f"; did you mean {close[0]}?" if close else ""
            message = f"argument {flag}: there is no '{given}'{hint} (choose from {choices})"
        self.exit(2, f"error: {message}; see python {self.prog} --help\n")


def train_parser():
    """Flags of train.py."""
    parser = Parser(
        prog="train.py", description="Train a segmentation network.", parents=[_model(), _data(), _engine()],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    run = parser.add_argument_group("run")
    run.add_argument("--num_epochs", type=positive_int, default=300, help="train up to this number of epochs")
    run.add_argument("--epoch_start_i", type=natural, default=0, help="number of the first epoch of a new run")
    run.add_argument("--steps_per_epoch", type=positive_int, help="steps of an epoch; default: all images once")
    run.add_argument("--checkpoint_step", type=positive_int, default=5, help="keep a checkpoint every so many epochs")
    run.add_argument("--validation_step", type=positive_int, default=1, help="validate every so many epochs")
    run.add_argument("--num_val_images", type=natural, default=20, help="images to validate on; 0: all")
    run.add_argument("--patience", type=positive_int, help="stop after so many validations without a better mean IoU")
    _boolean(run, "--continue_training", "go on from the latest checkpoint of this model and dataset")
    run.add_argument("--output_dir", default="checkpoints", help="folder for checkpoints, scores, pictures and plots")
    run.add_argument("--seed", type=natural, default=0, help="of initialization, order, augmentation and dropout")
    _boolean(run, "--tensorboard", "write TensorBoard logs too")
    run.add_argument("--image", help="accepted and not used, as in the original suite; see predict.py")
    _crop(parser, "training crop", 512)
    augment = parser.add_argument_group("augmentation")
    _boolean(augment, "--h_flip", "flip horizontally with probability 1/2")
    _boolean(augment, "--v_flip", "flip vertically with probability 1/2")
    augment.add_argument("--brightness", type=fraction, help="greatest relative change, 0.1 = +-10%%")
    augment.add_argument("--rotation", type=degrees, help="greatest angle in degrees")
    augment.add_argument("--zoom", type=fraction, help="greatest relative change of scale, 0.25 = 0.75 to 1.25")
    _optimization(parser)
    return parser


def test_parser():
    """Flags of test.py."""
    parser = Parser(
        prog="test.py", description="Score a trained network on the test split.",
        parents=[_checkpoint(), _data(from_checkpoint=True), _xla()],
    )
    _crop(parser, "use only the upper left part of each image, as the original suite did; default: whole images")
    parser.add_argument("--split", choices=("train", "val", "test"), default="test", help="default: test")
    parser.add_argument("--output_dir", default="Test", help="folder for scores and pictures; default: Test")
    return parser


def predict_parser():
    """Flags of predict.py."""
    parser = Parser(
        prog="predict.py", description="Predict an image or a folder of images.", parents=[_checkpoint(), _xla()]
    )
    parser.add_argument("--image", required=True, help="an image, or a folder of images")
    parser.add_argument("--dataset", help="used with --model to find the checkpoint")
    parser.add_argument("--batch_size", type=positive_int, default=1, help="images at once; default: 1")
    _crop(parser, "resize images to this before the network, as the original suite did; default: their own size")
    _boolean(parser, "--overlay", "also write the color map laid over the image, with a legend")
    parser.add_argument("--alpha", type=fraction, default=0.5, help="share of the colors in the overlay; default: 0.5")
    parser.add_argument("--output_dir", default=".", help="folder for the results; default: the current one")
    return parser


def benchmark_parser():
    """Flags of benchmark.py."""
    parser = Parser(
        prog="benchmark.py", description="Measure how fast a network trains and predicts on this machine.",
        parents=[_model(), _engine()], formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(frontend_weights="none")  # speed is the same, and nothing is downloaded
    _crop(parser, "image size", 512)
    group = parser.add_argument_group("measurement")
    group.add_argument("--batch_size", type=positive_int, default=1, help="images at once")
    group.add_argument("--num_classes", type=positive_int, default=12, help="classes of the network")
    group.add_argument("--rounds", type=positive_int, default=5, help="rounds, of which the median counts")
    group.add_argument("--steps", type=positive_int, help="steps of a round; default: as many as take about 2 s")
    group.add_argument("--dataset", help="also measure reading this dataset, a name or a path; default: leave it out")
    group.add_argument("--workers", type=positive_int, default=2, help="threads that read and augment images")
    _boolean(group, "--all", "measure every network in turn, each in a process of its own")
    results = parser.add_argument_group("results")
    results.add_argument("--json", metavar="FILE", help="write the results there, - for standard output")
    results.add_argument("--output_dir", help="with --all: folder for the table speed.md and the picture speed.png")
    return parser


def export_parser():
    """Flags of export.py."""
    parser = Parser(
        prog="export.py", description="Write a trained network as a file for other programs.", parents=[_checkpoint()]
    )
    parser.add_argument("--format", choices=EXPORT_FORMATS, required=True, help="kind of file")
    parser.add_argument("--output_path", metavar="PATH", help="file or folder to write; default: beside the checkpoint")
    parser.add_argument("--output", choices=EXPORT_OUTPUTS, default="logits",
                        help="what the file gives: logits, class indices or colors of the classes; default: logits")
    _crop(parser, "the one size that the file takes; default: any size")
    small = parser.add_argument_group("smaller files, for --format litert")
    _boolean(small, "--float16", "weights of 16 bits")
    _boolean(small, "--int8", "weights and arithmetic of 8 bits, calibrated with training images")
    small.add_argument("--calibration_images", type=positive_int, default=32, help="how many, for --int8; default: 32")
    check = parser.add_argument_group("comparison with Keras")
    check.add_argument("--dataset", help="a name or a path, to compare and calibrate on; default: that of the run, if "
                       "it is there. With --model also used to find the checkpoint")
    check.add_argument("--image", help="an image or a folder of images to compare on instead")
    return parser


def parse(parser, argv=None):
    """Parses a command line.

    Returns:
        `(args, given)`: the namespace, and the set of names that were given rather than left at their defaults.
    """
    args = parser.parse_args(argv)
    left_out = object()
    marked = parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(vars(args), left_out)))
    return args, {name for name, value in vars(marked).items() if value is not left_out}


def crop_size(height, width):
    """`(height, width)` from the crop flags of test.py and predict.py, or None if neither was given.

    Raises:
        BadUse: if only one was given.
    """
    if (height is None) != (width is None):
        raise BadUse("--crop_height and --crop_width belong together")
    return None if height is None else (height, width)


def boolean(text):
    """A truth value in the original suite's words."""
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is not True or False")


def positive_int(text):
    """A whole number from 1."""
    return _number(text, int, lambda value: value >= 1, "a whole number from 1")


def natural(text):
    """A whole number from 0."""
    return _number(text, int, lambda value: value >= 0, "a whole number from 0")


def positive_float(text):
    """A number above 0."""
    return _number(text, float, lambda value: 0 < value < float("inf"), "a number above 0")


def natural_float(text):
    """A number from 0."""
    return _number(text, float, lambda value: 0 <= value < float("inf"), "a number from 0")


def fraction(text):
    """A number from 0 to below 1."""
    return _number(text, float, lambda value: 0 <= value < 1, "a number from 0 to below 1")


def degrees(text):
    """An angle from 0 to 180."""
    return _number(text, float, lambda value: 0 <= value <= 180, "an angle from 0 to 180 degrees")


def _number(text, kind, accept, description):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not accept(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not {description}")
    return value


def _boolean(group, flag, text):
    """A flag that is true alone and also takes a value, as the original suite's."""
    group.add_argument(flag, type=boolean, nargs="?", const=True, default=False, metavar="True/False", help=text)


def _crop(parser, text, default=None):
    for side in ("height", "width"):
        parser.add_argument(f"--crop_{side}", type=positive_int, default=default, help=f"{text} ({side} in pixels)")


def _model():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("model")
    group.add_argument("--model", choices=list(MODELS), default="FC-DenseNet56", metavar="NAME",
                       help=f"one of: {', '.join(MODELS)}")
    group.add_argument("--frontend", choices=list(FRONTENDS), default="ResNet101", metavar="NAME",
                       help=f"feature extractor, for models that have one: {', '.join(FRONTENDS)}")
    group.add_argument("--frontend_weights", default="imagenet", metavar="none|imagenet|PATH",
                       help="what the frontend starts from")
    group.add_argument("--output_stride", type=int, choices=(8, 16),
                       help="greatest stride of the frontend, whose later strides become dilation; for "
                       + ", ".join(name for name in MODELS if MODELS[name].dilates))
    return parser


def _data(from_checkpoint=False):
    """The dataset's flags. Defaults of None mean: as the checkpoint was trained."""
    parser = Parser(add_help=False)
    group = parser.add_argument_group("data")
    group.add_argument("--dataset", default=None if from_checkpoint else "CamVid",
                       help="a name (looked for in . and datasets/) or a path")
    group.add_argument("--batch_size", type=positive_int, default=1, help="images at once")
    group.add_argument("--unknown_colours", choices=("error", "ignore"), default=None if from_checkpoint else "error",
                       help="what to do with label colors that class_dict.csv does not have")
    group.add_argument("--workers", type=positive_int, default=2, help="threads that read and augment images")
    if not from_checkpoint:
        group.add_argument("--ignore_class", nargs="+", default=[], metavar="NAME",
                           help="classes to leave out of loss and scores")
        _boolean(group, "--cache", "keep decoded images in memory")
    return parser


def _optimization(parser):
    group = parser.add_argument_group("optimization")
    group.add_argument("--optimizer", choices=OPTIMIZERS, default="rmsprop", help="optimizer")
    group.add_argument("--learning_rate", type=positive_float, default=1e-4, help="first learning rate")
    group.add_argument("--schedule", choices=SCHEDULES, default="constant", help="course of the learning rate")
    group.add_argument("--weight_decay", type=natural_float, default=0.0, help="decoupled weight decay")
    group.add_argument("--accumulate", type=positive_int, default=1,
                       help="steps whose mean gradient makes one update: a larger batch in the same memory")
    group.add_argument("--loss", choices=LOSSES, default="cross_entropy", help="loss")
    group.add_argument("--steps_per_execution", type=positive_int, default=1,
                       help="steps that an accelerator makes without a word from the host; good for small, fast steps")
    _boolean(group, "--class_balancing", "weight classes by median frequency balancing")
    _boolean(group, "--no_auxiliary", "train without the network's auxiliary heads and their losses")


def _engine():
    parser = Parser(add_help=False, parents=[_xla()])
    parser.add_argument("--mixed_precision", choices=("float32", "float16", "bfloat16"), default="float32",
                        help="arithmetic of the layers; weights, logits and losses stay float32")
    _boolean(parser, "--remat", "compute features a second time rather than keep them: less memory, more time")
    return parser


def _xla():
    parser = Parser(add_help=False)
    parser.add_argument("--jit_compile", type=boolean, nargs="?", const=True, default=None, metavar="True/False",
                        help="compile with XLA; default: on accelerators only")
    return parser


def _checkpoint():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("checkpoint")
    group.add_argument("--checkpoint_path", help="a .keras file; default: the latest of --model and --dataset")
    group.add_argument("--model", choices=list(MODELS), metavar="NAME",
                       help="the model of the checkpoint, which knows it itself")
    group.add_argument("--checkpoint_dir", default="checkpoints", help="where to look; default: checkpoints")
    return parser
