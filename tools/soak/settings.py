"""Settings of tiny trainings, drawn at random."""

import pathlib
import random

from utils.cli.arguments import train_parser
from utils.cli.choices import OPTIMIZERS, PRECISIONS, SCHEDULES
from utils.losses import LOSSES

DATASET = "Streets"
IMAGES = {"train": 8, "val": 2, "test": 2}  # numbers of images of the dataset
SIZE = {"height": 64, "width": 96}  # of its images, in pixels
CROP = 32  # pixels
FAST = {"crop_height": CROP, "crop_width": CROP, "num_val_images": 2, "learning_rate": 0.01, "progress": "quiet"}


def make_dataset(folder: pathlib.Path) -> None:
    """Draws the dataset of all trainings, `DATASET` in a folder."""
    from tools.make_streets import make_streets

    make_streets(folder / DATASET, **IMAGES, **SIZE)


def simple_settings() -> dict:
    """Returns the flags of a training of two epochs that writes every kind of file."""
    return {**FAST, "model": "tiny", "batch_size": 4, "num_epochs": 2, "checkpoint_step": 1, "optimizer": "adamw"}


def draw_settings(rng: random.Random) -> dict:
    """Draws the flags of a training: network, precision, optimizer, schedule, loss, data, validation and files."""
    model = rng.choice(("tiny", "tiny", "tiny-heads", "tiny-frontend"))
    loss = rng.choice(list(LOSSES))
    epochs, batch = rng.choice((2, 2, 3)), rng.choice((1, 2, 3, 4))
    settings = {
        **FAST,
        "model": model,
        "batch_size": batch,
        "num_epochs": epochs,
        "steps_per_epoch": rng.choice((None, 2, 3, 5)),
        "mixed_precision": rng.choice(("float32", *PRECISIONS)),
        "optimizer": rng.choice(OPTIMIZERS),
        "schedule": rng.choice(SCHEDULES),
        "warm_up": rng.choice((None, 0.5, 1.5)),
        "weight_decay": rng.choice((None, 0.01)),
        "accumulate": rng.choice((1, 1, 2, 3)),
        "ema": rng.choice((None, 0.7, 0.99)),
        "loss": loss,
        "label_smoothing": rng.choice((None, 0.1)) if LOSSES[loss].smoothing else None,
        "class_balancing": rng.choice((None, True)),
        "no_auxiliary": rng.choice((None, None, True)),
        "ignore_class": rng.choice((None, ["Tree"])),
        "h_flip": rng.choice((None, True)),
        "rotation": rng.choice((None, 10)),
        "scale_range": rng.choice((None, [0.5, 2])),
        "color_jitter": rng.choice((None, 0.3)),
        "cutmix": rng.choice((None, 0.5)),
        "workers": rng.choice((1, 2, 4)),
        "cache": rng.choice((None, True)),
        "validation_step": rng.choice((1, 1, 2)),
        "checkpoint_step": rng.choice((1, 2, 5)),
        "checkpoint_minutes": rng.choice((None, 0.001, 0.01)),
        "steps_per_execution": rng.choice((1, 1, 1, 2)),
        "remat": rng.choice((None, None, True)),
        "no_report": rng.choice((None, True)),
        "seed": rng.randrange(1000),
    }
    if model == "tiny-frontend":
        settings |= {"frontend": "MobileNet", "frontend_weights": "none", "freeze_frontend": rng.choice((0, 1, 1, 9))}
    known = vars(train_parser().parse_args([]))
    return {name: value for name, value in settings.items() if value is not None and name in known}


def words(settings: dict, dataset: pathlib.Path, *more: str) -> list[str]:
    """Returns the command line of a training that writes into `out` in the current folder."""
    from tools import flag_words

    return [*flag_words({**settings, "dataset": str(dataset), "output_dir": "out"}), *more]
