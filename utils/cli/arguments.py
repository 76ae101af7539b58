"""Every flag of every verb, typed once. Importing this file imports no Keras: help and mistakes answer at once."""

from frontends import FRONTENDS
from models import MODELS
from utils.cli.choices import EXPORT_FORMATS, EXPORT_OUTPUTS, OPTIMIZERS, PRECISIONS, RECIPES, SCHEDULES
from utils.cli.parser import (
    Parser,
    Show,
    boolean,
    degrees,
    fraction,
    names,
    natural,
    natural_float,
    parse,
    positive_float,
    positive_int,
    scales,
)
from utils.cli.tables import frontends_table, models_table
from utils.losses import LOSSES
from utils.progress import MODES

__all__ = [
    "Parser",
    "benchmark_parser",
    "export_parser",
    "parse",
    "positive_int",
    "predict_parser",
    "test_parser",
    "train_parser",
]


def train_parser():
    """Flags of train.py."""
    parser = _verb(
        "train.py",
        "Train a segmentation network. Checkpoints, scores, pictures and plots appear under checkpoints/.",
        [_model(), _fine_tuning(), _data(), _run(), _progress()],
    )
    augment = parser.add_argument_group("crop and augmentation")
    _crop(augment, "training crop", 512)
    _boolean(augment, "--h_flip", "flip horizontally with probability 1/2")
    _boolean(augment, "--v_flip", "flip vertically with probability 1/2")
    augment.add_argument("--brightness", type=fraction, metavar="F", help="greatest relative change, 0.1 = +-10%%")
    augment.add_argument("--rotation", type=degrees, metavar="DEGREES", help="greatest angle, 0 to 180")
    augment.add_argument(
        "--zoom", type=fraction, metavar="F", help="greatest relative change of scale, 0.25 = 0.75 to 1.25"
    )
    augment.add_argument(
        "--scale_range",
        type=positive_float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="scale by a random factor between these, such as 0.5 2, halves as likely as doubles",
    )
    augment.add_argument(
        "--color_jitter",
        type=fraction,
        metavar="F",
        help="greatest relative change of contrast and saturation; the hue turns by up to F x 60 degrees",
    )
    _optimization(parser)
    _engine(parser)
    parser.recipes = RECIPES
    return parser


def test_parser():
    """Flags of test.py."""
    parser = _verb(
        "test.py",
        "Score a trained network on the test split. Model, classes and dataset are read from the checkpoint.",
        [_checkpoint(), _data(from_checkpoint=True), _inference(), _progress()],
    )
    images = parser.add_argument_group("images and results")
    _crop(images, "use only the upper left part of each image, as the original suite did; default: whole images")
    images.add_argument(
        "--split", choices=("train", "val", "test"), default="test", metavar="NAME", help="split to score"
    )
    images.add_argument("--output_dir", default="Test", metavar="FOLDER", help="folder for scores and pictures")
    _xla(parser.add_argument_group("engine"))
    return parser


def predict_parser():
    """Flags of predict.py."""
    parser = _verb(
        "predict.py",
        "Predict images, folders of images, videos or a camera. Model and classes are read from the checkpoint.",
        [_checkpoint(), _inference(), _progress()],
    )
    images = parser.add_argument_group("images and results")
    images.add_argument(
        "--image",
        required=True,
        nargs="+",
        metavar="WHAT",
        help="images, folders (with their subfolders), patterns such as 'photos/*.jpg', videos, the "
        "address of a stream, the number of a camera",
    )
    images.add_argument("--dataset", metavar="NAME", help="used with --model to find the checkpoint")
    images.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images at once")
    _crop(images, "resize images to this before the network, as the original suite did; default: their own size")
    images.add_argument("--frames", type=positive_int, metavar="N", help="stop a video or camera after so many frames")
    _boolean(images, "--overlay", "also write the color map laid over the image, with a legend")
    images.add_argument("--alpha", type=fraction, default=0.5, metavar="F", help="share of the colors in the overlay")
    _boolean(images, "--indices", "also write class indices as gray PNGs")
    _boolean(images, "--coverage", "also write coverage.csv, the share of each class in percent")
    images.add_argument("--classes", type=names, default=[], metavar="NAME,NAME", help="paint only these classes")
    _boolean(images, "--show", "show the results in a window; q ends")
    images.add_argument(
        "--output_dir", default=".", metavar="FOLDER", help="folder for the results; default: the current one"
    )
    _xla(parser.add_argument_group("engine"))
    return parser


def benchmark_parser():
    """Flags of benchmark.py."""
    parser = _verb(
        "benchmark.py",
        "Measure how fast a network trains and predicts on this machine, and how much memory it takes.",
        [_model()],
    )
    parser.set_defaults(frontend_weights="none")  # speed is the same, and nothing is downloaded
    group = parser.add_argument_group("measurement")
    _crop(group, "image size", 512)
    group.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images at once")
    group.add_argument("--num_classes", type=positive_int, default=12, metavar="N", help="classes of the network")
    group.add_argument("--rounds", type=positive_int, default=5, metavar="N", help="rounds, of which the median counts")
    group.add_argument(
        "--steps", type=positive_int, metavar="N", help="steps of a round; default: as many as take about 2 s"
    )
    group.add_argument(
        "--dataset", metavar="NAME", help="also measure reading this dataset, a name or a path; default: leave it out"
    )
    group.add_argument(
        "--workers", type=positive_int, default=2, metavar="N", help="threads that read and augment images"
    )
    _boolean(group, "--all", "measure every network in turn, each in a process of its own")
    results = parser.add_argument_group("results")
    results.add_argument("--json", metavar="FILE", help="write the results there, - for standard output")
    results.add_argument(
        "--output_dir", metavar="FOLDER", help="with --all: folder for the table speed.md and the picture speed.png"
    )
    _engine(parser)
    return parser


def export_parser():
    """Flags of export.py."""
    parser = _verb(
        "export.py",
        "Write a trained network as a file for other programs, and check it there. Model and "
        "classes are read from the checkpoint.",
        [_checkpoint()],
    )
    file = parser.add_argument_group("file")
    file.add_argument("--format", choices=EXPORT_FORMATS, required=True, metavar="NAME", help="kind of file")
    file.add_argument("--output_path", metavar="PATH", help="file or folder to write; default: beside the checkpoint")
    file.add_argument(
        "--output",
        choices=EXPORT_OUTPUTS,
        default="logits",
        metavar="NAME",
        help="what it gives: logits, class indices or colors of the classes",
    )
    _crop(file, "the one size that it takes; default: any size")
    small = parser.add_argument_group("smaller files, for --format litert")
    _boolean(small, "--float16", "weights of 16 bits")
    _boolean(small, "--int8", "weights and arithmetic of 8 bits, calibrated with training images")
    small.add_argument("--calibration_images", type=positive_int, default=32, metavar="N", help="how many, for --int8")
    check = parser.add_argument_group("comparison with Keras")
    check.add_argument(
        "--dataset",
        metavar="NAME",
        help="a name or a path, to compare and calibrate on; default: "
        "that of the run, if it is there. With --model also used to find the checkpoint",
    )
    check.add_argument("--image", nargs="+", metavar="WHAT", help="images, folders or patterns to compare on instead")
    return parser


def _verb(prog, description, parents):
    """A parser whose flags are all in groups, and whose usage does not list them."""
    return Parser(
        prog=prog, usage=f"python {prog} [flags]", description=description, add_help=False, parents=[_help(), *parents]
    )


def _help():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("help")
    group.add_argument("-h", "--help", action="help", help="show this text")
    group.add_argument(
        "--list_models", action=Show, text=models_table, help="list the networks: paper, what is special"
    )
    group.add_argument(
        "--list_frontends",
        action=Show,
        text=frontends_table,
        help="list the frontends: parameters, smallest image, strides",
    )
    return parser


def _boolean(group, flag, text):
    """A flag that is true alone and also takes a value, as the original suite's."""
    group.add_argument(flag, type=boolean, nargs="?", const=True, default=False, metavar="True/False", help=text)


def _crop(group, text, default=None):
    for side in ("height", "width"):
        group.add_argument(
            f"--crop_{side}", type=positive_int, default=default, metavar="PIXELS", help=f"{text} ({side})"
        )


def _model():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", choices=list(MODELS), default="FC-DenseNet56", metavar="NAME", help="network, see --list_models"
    )
    group.add_argument(
        "--frontend",
        choices=list(FRONTENDS),
        default="ResNet101",
        metavar="NAME",
        help="feature extractor, for models that have one, see --list_frontends",
    )
    group.add_argument(
        "--frontend_weights", default="imagenet", metavar="none|imagenet|PATH", help="what the frontend starts from"
    )
    group.add_argument(
        "--output_stride",
        type=int,
        choices=(8, 16),
        metavar="N",
        help="greatest stride of the frontend, whose later strides become dilation; for "
        + ", ".join(name for name in MODELS if MODELS[name].dilates),
    )
    return parser


def _fine_tuning():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("fine-tuning")
    group.add_argument(
        "--init_from",
        metavar="FILE.keras",
        help="start with the weights of this checkpoint of the same model and frontend; its classes may "
        "be others, those of equal names are taken over. --frontend_weights is then not used",
    )
    group.add_argument(
        "--freeze_frontend",
        type=natural,
        default=0,
        metavar="EPOCHS",
        help="the frontend does not train in the first so many epochs; with --num_epochs or more, never",
    )
    group.add_argument(
        "--frontend_learning_rate",
        type=positive_float,
        default=1.0,
        metavar="F",
        help="factor on the learning rate (and on weight decay) of the frontend; 0.1 = a tenth",
    )
    return parser


def _data(from_checkpoint=False):
    """The dataset's flags. Defaults of None mean: as the checkpoint was trained."""
    parser = Parser(add_help=False)
    group = parser.add_argument_group("data")
    group.add_argument(
        "--dataset",
        default=None if from_checkpoint else "CamVid",
        metavar="NAME",
        help="a name (looked for in . and datasets/) or a path",
    )
    group.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images at once")
    group.add_argument(
        "--unknown_colours",
        choices=("error", "ignore"),
        default=None if from_checkpoint else "error",
        metavar="WHAT",
        help="what to do with label colors that class_dict.csv does not have",
    )
    group.add_argument(
        "--workers", type=positive_int, default=2, metavar="N", help="threads that read and augment images"
    )
    if not from_checkpoint:
        group.add_argument(
            "--ignore_class", nargs="+", default=[], metavar="NAME", help="classes to leave out of loss and scores"
        )
        _boolean(group, "--cache", "keep decoded images in memory")
    return parser


def _run():
    parser = Parser(add_help=False)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--recipe",
        choices=RECIPES,
        default="suite",
        metavar="NAME",
        help="whose defaults the other flags have: the original suite's, or better ones, see the README",
    )
    run.add_argument(
        "--config",
        metavar="FILE",
        help="take the flags from this file, a run's settings.json or a checkpoint; the command line wins",
    )
    _boolean(run, "--continue_training", "go on from the latest checkpoint of this model and dataset")
    run.add_argument(
        "--num_epochs", type=positive_int, default=300, metavar="N", help="train up to this number of epochs"
    )
    run.add_argument(
        "--epoch_start_i", type=natural, default=0, metavar="N", help="number of the first epoch of a new run"
    )
    run.add_argument(
        "--steps_per_epoch", type=positive_int, metavar="N", help="steps of an epoch; default: all images once"
    )
    run.add_argument(
        "--checkpoint_step",
        type=positive_int,
        default=5,
        metavar="EPOCHS",
        help="keep a checkpoint every so many epochs",
    )
    run.add_argument(
        "--validation_step", type=positive_int, default=1, metavar="EPOCHS", help="validate every so many epochs"
    )
    run.add_argument("--num_val_images", type=natural, default=20, metavar="N", help="images to validate on; 0: all")
    run.add_argument(
        "--patience", type=positive_int, metavar="N", help="stop after so many validations without a better mean IoU"
    )
    run.add_argument(
        "--output_dir",
        default="checkpoints",
        metavar="FOLDER",
        help="folder for checkpoints, scores, pictures and plots",
    )
    run.add_argument(
        "--seed", type=natural, default=0, metavar="N", help="of initialization, order, augmentation and dropout"
    )
    _boolean(run, "--tensorboard", "write TensorBoard logs too: scores, pictures, weights and the network")
    run.add_argument("--image", metavar="PATH", help="accepted and not used, as in the original suite; see predict.py")
    return parser


def _optimization(parser):
    group = parser.add_argument_group("optimization")
    group.add_argument("--optimizer", choices=OPTIMIZERS, default="rmsprop", metavar="NAME", help="optimizer")
    group.add_argument("--learning_rate", type=positive_float, default=1e-4, metavar="F", help="first learning rate")
    group.add_argument(
        "--schedule", choices=SCHEDULES, default="constant", metavar="NAME", help="course of the learning rate"
    )
    group.add_argument(
        "--warm_up",
        type=natural_float,
        default=0.0,
        metavar="EPOCHS",
        help="the learning rate rises from 0 for so many epochs, on top of its course",
    )
    group.add_argument("--weight_decay", type=natural_float, default=0.0, metavar="F", help="decoupled weight decay")
    group.add_argument(
        "--accumulate",
        type=positive_int,
        default=1,
        metavar="STEPS",
        help="steps whose mean gradient makes one update: a larger batch in the same memory",
    )
    group.add_argument("--loss", choices=LOSSES, default="cross_entropy", metavar="NAME", help="loss")
    group.add_argument(
        "--label_smoothing",
        type=fraction,
        default=0.0,
        metavar="F",
        help="share of each pixel's truth that is spread over all classes, of losses with a cross entropy",
    )
    group.add_argument(
        "--ema",
        type=fraction,
        default=0.0,
        metavar="F",
        help="score and save the exponential moving average of the weights, with this share of the past "
        "at each update, such as 0.99; default: the weights themselves",
    )
    _boolean(group, "--class_balancing", "weight classes by median frequency balancing")
    _boolean(group, "--no_auxiliary", "train without the network's auxiliary heads and their losses")
    group.add_argument(
        "--steps_per_execution",
        type=positive_int,
        default=1,
        metavar="STEPS",
        help="steps that an accelerator makes without a word from the host; good for small, fast steps",
    )


def _engine(parser):
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--mixed_precision",
        choices=PRECISIONS,
        default="float32",
        metavar="TYPE",
        help="arithmetic of the layers; weights, logits and losses stay float32",
    )
    _boolean(group, "--remat", "compute features a second time rather than keep them: less memory, more time")
    _xla(group)


def _xla(group):
    group.add_argument(
        "--jit_compile",
        type=boolean,
        nargs="?",
        const=True,
        default=None,
        metavar="True/False",
        help="compile with XLA; default: on accelerators only",
    )


def _inference():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("prediction")
    group.add_argument(
        "--scales",
        type=scales,
        default=(1.0,),
        metavar="F,F,...",
        help="average the probabilities of the image at these scales; default: 1",
    )
    _boolean(group, "--flip", "average them with those of the mirror image")
    group.add_argument(
        "--tile",
        type=positive_int,
        metavar="PIXELS",
        help="predict larger images in overlapping tiles of this size: the memory of a tile",
    )
    group.add_argument(
        "--overlap", type=natural, default=128, metavar="PIXELS", help="how far tiles overlap, blending into each other"
    )
    _boolean(
        group, "--batch_statistics", "normalize by the statistics of the images of each batch, not by those of training"
    )
    return parser


def _progress():
    parser = Parser(add_help=False)
    parser.add_argument_group("progress").add_argument(
        "--progress",
        choices=MODES,
        metavar="MODE",
        help="bar: a line that keeps current; plain: a line now and then; "
        "quiet: results and warnings only; default: bar on a terminal, else plain",
    )
    return parser


def _checkpoint():
    parser = Parser(add_help=False)
    group = parser.add_argument_group("checkpoint")
    group.add_argument(
        "--checkpoint_path",
        metavar="FILE",
        help="checkpoint, or what export.py wrote; default: the latest of --model and --dataset",
    )
    group.add_argument(
        "--model",
        choices=list(MODELS),
        metavar="NAME",
        help="the model of the checkpoint, which knows it itself; see --list_models",
    )
    group.add_argument("--checkpoint_dir", default="checkpoints", metavar="FOLDER", help="where to look for the latest")
    return parser
