"""Groups of flags that commands share: help, checkpoint, model, data, inference, backend, progress."""

from frontends import FRONTENDS
from models import MODELS
from utils.cli.choices import LABEL_FORMATS, ON_BAD_SAMPLE, ORIENTATIONS, PRECISIONS, UNKNOWN_COLORS, VERIFY
from utils.cli.flags import add_boolean, add_image_format, add_max_pixels, add_views, add_workers, add_xla
from utils.cli.parser import Parser, ShowText, StoreOneOrMore
from utils.cli.tables import frontends_table, models_table
from utils.cli.types import fraction, nonnegative_int, positive_int, run_name
from utils.progress import MODES


def add_help(parser: Parser) -> None:
    """Adds the flags that print a text and end the program."""
    group = parser.add_argument_group("help")
    group.add_argument("-h", "--help", action="help", help="show this help")
    group.add_argument("--list_models", action=ShowText, text=models_table, help="list the networks and their papers")
    group.add_argument(
        "--list_frontends",
        action=ShowText,
        text=frontends_table,
        help="list the frontends: parameters, minimum image size, strides",
    )


def add_checkpoint(parser: Parser) -> None:
    """Adds the flags that select a trained network."""
    group = parser.add_argument_group("checkpoint")
    group.add_argument(
        "--checkpoint_path",
        metavar="FILE",
        help="checkpoint, or a file of export.py; default: latest checkpoint of --model and --dataset",
    )
    group.add_argument(
        "--model",
        choices=list(MODELS),
        metavar="NAME",
        help="network of the checkpoint; only needed without --checkpoint_path; see --list_models",
    )
    group.add_argument(
        "--checkpoint_dir", default="checkpoints", metavar="FOLDER", help="folder of the latest checkpoints"
    )
    group.add_argument(
        "--name", type=run_name, metavar="NAME", help="with --model and --dataset: name of the run, as in its training"
    )


def add_model(parser: Parser) -> None:
    """Adds the flags of the network to build."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", choices=list(MODELS), default="FC-DenseNet56", metavar="NAME", help="network, see --list_models"
    )
    group.add_argument(
        "--frontend",
        choices=list(FRONTENDS),
        default="ResNet101",
        metavar="NAME",
        help="feature extractor of networks that have one, see --list_frontends",
    )
    group.add_argument(
        "--frontend_weights", default="imagenet", metavar="none|imagenet|PATH", help="initial weights of the frontend"
    )
    group.add_argument(
        "--output_stride",
        type=int,
        choices=(8, 16),
        metavar="N",
        help="output stride of the frontend, whose last stages are dilated instead of strided; for "
        + ", ".join(name for name in MODELS if MODELS[name].dilates),
    )


def add_data(parser: Parser, from_checkpoint: bool = False) -> None:
    """Adds the flags of the dataset.

    Args:
        parser: the parser.
        from_checkpoint: whether the defaults are those of the training, and flags of training are left out.
    """
    as_trained = "; default: as in the training" if from_checkpoint else ""
    group = parser.add_argument_group("data")
    several = "" if from_checkpoint else "; several train together on the classes of the first, matched by name"
    group.add_argument(
        "--dataset",
        default=None if from_checkpoint else "CamVid",
        **({} if from_checkpoint else {"nargs": "+", "action": StoreOneOrMore}),
        metavar="NAME",
        help=f"dataset, a name (searched in . and datasets/) or a path{as_trained}{several}",
    )
    group.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images per batch")
    group.add_argument(
        "--unknown_colours",
        choices=UNKNOWN_COLORS,
        default=None if from_checkpoint else "error",
        metavar="WHAT",
        help=f"treatment of label colors that class_dict.csv does not list: an error, ignored, or the nearest class "
        f"color{as_trained}",
    )
    group.add_argument(
        "--label_format",
        choices=LABEL_FORMATS,
        default=None if from_checkpoint else "auto",
        metavar="NAME",
        help=f"how labels are stored: class colors, class indices or masks of 0 and 255; auto decides once over all "
        f"labels{as_trained}",
    )
    group.add_argument(
        "--image_orientation",
        choices=ORIENTATIONS,
        default=None if from_checkpoint else "auto",
        metavar="NAME",
        help=f"whether labels of images with an EXIF orientation are drawn on the pixels as stored, or upright as "
        f"viewers show them; auto decides by their sizes{as_trained}",
    )
    group.add_argument(
        "--verify",
        choices=VERIFY,
        default="sample",
        metavar="WHAT",
        help="files that are checked at the start: sample: headers, and whole files of a sample where the dataset is "
        "large; full: all files",
    )
    add_workers(group)
    add_max_pixels(group, "default: as in the training" if from_checkpoint else "default: 400 million")
    if not from_checkpoint:
        add_image_format(group, "auto", "the 0.1 and 99.9 percentiles of the training images")
        group.add_argument(
            "--input_channels",
            type=positive_int,
            metavar="N",
            help="input channels of the network; default: the number of --bands, or 3",
        )
        group.add_argument(
            "--ignore_class", nargs="+", default=[], metavar="NAME", help="classes excluded from loss and scores"
        )
        group.add_argument(
            "--val_fraction",
            type=fraction,
            metavar="F",
            help="validate on this share of the training images, for a dataset without a split val",
        )
        add_boolean(group, "--cache", "keep decoded images in memory")
        group.add_argument(
            "--on_bad_sample",
            choices=ON_BAD_SAMPLE,
            default="stop",
            metavar="WHAT",
            help="an image or label that can no longer be read during the training, after three tries, ends it, or "
            "another one takes its place",
        )


def add_inference(parser: Parser) -> None:
    """Adds the flags of inference: test-time augmentation, sliding window, batch statistics."""
    group = parser.add_argument_group("inference")
    add_views(group)
    group.add_argument(
        "--tile",
        type=positive_int,
        metavar="PIXELS",
        help="sliding-window inference: predict larger images in overlapping tiles of this size, to save memory",
    )
    group.add_argument(
        "--overlap", type=nonnegative_int, default=128, metavar="PIXELS", help="overlap of tiles, blended linearly"
    )
    add_boolean(
        group, "--batch_statistics", "batch norm with the statistics of each batch instead of those of the training"
    )


def add_backend(parser: Parser, automatic: bool = False) -> None:
    """Adds the flags of computation: precision, memory, compilation.

    Args:
        parser: the parser.
        automatic: whether the precision may be "auto".
    """
    group = parser.add_argument_group("backend")
    faster = "; auto: bfloat16 if it is faster on this machine, else float32" if automatic else ""
    group.add_argument(
        "--mixed_precision",
        choices=("auto", *PRECISIONS) if automatic else PRECISIONS,
        default="float32",
        metavar="TYPE",
        help=f"compute dtype of the layers; weights, logits and losses stay float32{faster}",
    )
    if automatic:
        group.add_argument(
            "--distribute",
            choices=("none", "local", "cluster"),
            default="local",
            metavar="WHAT",
            help="devices that share each batch: local: all of the machine that divide --batch_size; cluster: those of "
            "all processes of a launcher (JAX); none: one",
        )
        add_boolean(group, "--sync_batch_norm", "batch norm over all devices of TensorFlow, not each one", default=True)
    add_boolean(group, "--remat", "rematerialization (gradient checkpointing): less memory, more time")
    add_xla(group)


def add_progress(parser: Parser) -> None:
    """Adds `--progress`."""
    parser.add_argument_group("progress").add_argument(
        "--progress",
        choices=MODES,
        metavar="MODE",
        help="bar: a line that is updated; plain: a line every 30 s; quiet: results and warnings only; default: bar on "
        "a terminal, else plain",
    )
