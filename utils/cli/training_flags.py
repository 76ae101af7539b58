"""Groups of flags of train.py alone: fine-tuning, augmentation, optimization, run."""

from utils.cli.choices import OPTIMIZERS, RECIPES, SCHEDULES
from utils.cli.flags import add_boolean, add_crop
from utils.cli.parser import Parser
from utils.cli.types import (
    degrees,
    fraction,
    nonnegative_float,
    nonnegative_int,
    positive_float,
    positive_int,
    run_name,
    share,
)
from utils.losses import LOSSES


def add_fine_tuning(parser: Parser) -> None:
    """Adds the flags that start from trained weights or treat the frontend differently."""
    group = parser.add_argument_group("fine-tuning")
    group.add_argument(
        "--init_from",
        metavar="FILE.keras",
        help="initialize with this checkpoint of the same model and frontend instead of --frontend_weights; its "
        "classes may differ, and weights of classes with equal names are copied",
    )
    group.add_argument(
        "--freeze_frontend",
        type=nonnegative_int,
        default=0,
        metavar="EPOCHS",
        help="freeze the frontend for the first epochs; with --num_epochs or more, for the whole training",
    )
    group.add_argument(
        "--frontend_learning_rate",
        type=positive_float,
        default=1.0,
        metavar="F",
        help="factor on learning rate and weight decay of the frontend",
    )


def add_augmentation(parser: Parser) -> None:
    """Adds the flags of crop and augmentation."""
    group = parser.add_argument_group("crop and augmentation")
    add_crop(group, "training crop", 512)
    add_boolean(group, "--h_flip", "flip horizontally with probability 0.5")
    add_boolean(group, "--v_flip", "flip vertically with probability 0.5")
    group.add_argument(
        "--brightness", type=fraction, metavar="F", help="maximum relative change of brightness, 0.1 for +-10%%"
    )
    group.add_argument("--rotation", type=degrees, metavar="DEGREES", help="maximum rotation angle, 0 to 180")
    group.add_argument(
        "--zoom", type=fraction, metavar="F", help="maximum relative change of scale, 0.25 for 0.75 to 1.25"
    )
    group.add_argument(
        "--scale_range",
        type=positive_float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="random scale between these factors, log-uniform, such as 0.5 2",
    )
    group.add_argument(
        "--color_jitter",
        type=fraction,
        metavar="F",
        help="maximum relative change of contrast and saturation, and hue shift of up to F x 60 degrees",
    )
    group.add_argument(
        "--cutmix",
        type=share,
        metavar="F",
        help="share of the crops in which a box of another training image replaces a part (CutMix)",
    )


def add_optimization(parser: Parser) -> None:
    """Adds the flags of optimizer, learning rate and loss."""
    group = parser.add_argument_group("optimization")
    group.add_argument("--optimizer", choices=OPTIMIZERS, default="rmsprop", metavar="NAME", help="optimizer")
    group.add_argument("--learning_rate", type=positive_float, default=1e-4, metavar="F", help="initial learning rate")
    add_boolean(
        group,
        "--find_learning_rate",
        "measure the loss over rising learning rates and in short trials, suggest a rate for the other flags, and end",
    )
    group.add_argument(
        "--schedule", choices=SCHEDULES, default="constant", metavar="NAME", help="learning rate schedule"
    )
    group.add_argument(
        "--warm_up",
        type=nonnegative_float,
        default=0.0,
        metavar="EPOCHS",
        help="linear warm-up of the learning rate, multiplied with the schedule",
    )
    group.add_argument(
        "--weight_decay", type=nonnegative_float, default=0.0, metavar="F", help="decoupled weight decay"
    )
    group.add_argument(
        "--accumulate",
        type=positive_int,
        default=1,
        metavar="STEPS",
        help="gradient accumulation: steps whose mean gradient makes one update",
    )
    group.add_argument("--loss", choices=list(LOSSES), default="cross_entropy", metavar="NAME", help="loss")
    group.add_argument(
        "--label_smoothing",
        type=fraction,
        default=0.0,
        metavar="F",
        help="label smoothing, for losses with a cross entropy",
    )
    group.add_argument(
        "--ema",
        type=fraction,
        default=0.0,
        metavar="F",
        help="momentum of an exponential moving average of the weights, which is scored and saved instead of them, "
        "such as 0.99; default: no average",
    )
    group.add_argument(
        "--soft_labels",
        metavar="FOLDER",
        help="distillation: also learn the class probabilities of a teacher, files of tools/make_soft_labels.py",
    )
    group.add_argument(
        "--soft_weight",
        type=fraction,
        default=0.5,
        metavar="F",
        help="weight of the cross entropy with --soft_labels; the loss of the labels has 1 - F",
    )
    add_boolean(group, "--class_balancing", "weight classes by median frequency balancing")
    add_boolean(group, "--no_auxiliary", "train without auxiliary heads and their losses")
    group.add_argument(
        "--steps_per_execution",
        type=positive_int,
        default=1,
        metavar="STEPS",
        help="training steps per `tf.function` call (Keras `steps_per_execution`)",
    )


def add_run(parser: Parser) -> None:
    """Adds the flags of a training run: preset, epochs, validation, files."""
    group = parser.add_argument_group("run")
    group.add_argument(
        "--recipe",
        choices=RECIPES,
        default="suite",
        metavar="NAME",
        help="preset of default values: the original suite's, stronger ones, or those that data and machine suggest",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="read flags from a run's settings.json or from a checkpoint; the command line wins",
    )
    add_boolean(group, "--continue_training", "resume from the latest checkpoint of this model and dataset")
    group.add_argument("--num_epochs", type=positive_int, default=300, metavar="N", help="total number of epochs")
    group.add_argument(
        "--minutes",
        type=positive_float,
        metavar="N",
        help="train for this time, counted from the start of the command; it decides the number of epochs, and the "
        "schedule ends with it",
    )
    group.add_argument(
        "--epoch_start_i", type=nonnegative_int, default=0, metavar="N", help="number of the first epoch of a new run"
    )
    group.add_argument(
        "--steps_per_epoch", type=positive_int, metavar="N", help="training steps per epoch; default: all images once"
    )
    group.add_argument(
        "--checkpoint_step", type=positive_int, default=5, metavar="EPOCHS", help="epochs between kept checkpoints"
    )
    group.add_argument(
        "--checkpoint_minutes",
        type=nonnegative_float,
        default=10.0,
        metavar="N",
        help="minutes from one latest checkpoint to the next within a long epoch, 0 for none",
    )
    group.add_argument(
        "--validation_step", type=positive_int, default=1, metavar="EPOCHS", help="epochs between validations"
    )
    group.add_argument(
        "--num_val_images", type=nonnegative_int, default=20, metavar="N", help="validation images, 0 for all"
    )
    group.add_argument(
        "--patience", type=positive_int, metavar="N", help="stop after N validations without a better mean IoU"
    )
    group.add_argument(
        "--output_dir", default="checkpoints", metavar="FOLDER", help="folder for checkpoints, scores and plots"
    )
    group.add_argument(
        "--name",
        type=run_name,
        metavar="NAME",
        help="name of the run, added to those of its files, to keep runs of one model and dataset side by side",
    )
    group.add_argument(
        "--seed",
        type=nonnegative_int,
        default=0,
        metavar="N",
        help="random seed of initialization, shuffling, augmentation and dropout",
    )
    add_boolean(
        group,
        "--recover",
        "if the training diverges, go back to the last good checkpoint with half the learning rate, at most 3 times",
    )
    add_boolean(group, "--no_report", "leave out report.html, the page of scores, curves and validation images")
    add_boolean(group, "--tensorboard", "also write TensorBoard logs: scores, images, weight histograms, graph")
    group.add_argument(
        "--image", metavar="PATH", help="accepted for the original suite's command lines, without effect"
    )
