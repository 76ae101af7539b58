"""Settings of a training: the flags, checked and completed, or those of the run that it resumes.

Importing this file imports no Keras.
"""

import argparse
import pathlib
from collections.abc import Collection

from models import MODELS
from utils.class_dict import ClassDict
from utils.cli.checks import check_fine_tuning, check_label_smoothing, check_soft_weight, check_tensorboard
from utils.data.folder import read_classes
from utils.data.image_format import ImageFormat
from utils.errors import UsageError
from utils.peers import Peers
from utils.run_folder import RunFolder
from utils.settings import check_classes
from utils.training.resume import resume_settings
from utils.training.time_plan import choose_length


def choose_settings(
    args: argparse.Namespace, given: Collection[str], dataset: pathlib.Path, run: RunFolder, peers: Peers
) -> tuple[dict, dict | None, ClassDict]:
    """Returns the settings of a training, and the state of the run that it resumes.

    Args:
        args: flags of train.py.
        given: names of those on the command line; with `--continue_training` the others are those of the run.
        dataset: the first dataset, which has the classes.
        run: files of the run.
        peers: the processes that train together; all have to call it.

    Returns:
        `(settings, state, class_dict)`: the flags and what the run records beside them; the state, None for a new run;
        the classes.

    Raises:
        UsageError: if flags, dataset and the earlier run do not fit together.
    """
    settings, state = vars(args), None
    if args.continue_training:
        if peers.is_chief:
            run.recover()
        peers.gather(None)  # the others read what is recovered
        settings, state = resume_settings(run.latest, settings, given)
        check_tensorboard(settings["tensorboard"])
    if not state:
        set_frontend_rate(settings, given)
    if args.find_learning_rate and state:
        raise UsageError("--find_learning_rate tests a new network; leave out --continue_training")
    check_fine_tuning({**settings, "init_from": None} if state else settings)
    check_label_smoothing(settings["label_smoothing"], settings["loss"])
    check_soft_weight(settings["soft_weight"], settings["soft_labels"])
    ImageFormat.from_settings(settings)  # --bands and --input_channels must agree
    length_line = choose_length(settings, given)
    if length_line:
        print(length_line)
    label_options = settings["ignore_class"], settings["unknown_colours"], settings["label_format"]
    class_dict = read_classes(dataset, *label_options)
    if state:
        remedy = f"start a new run without --continue_training, from its weights with --init_from {run.latest}"
        check_classes(run.latest, settings, class_dict.class_names, dataset, remedy)
    for name in ("progress", "distribute"):  # matters of this terminal and machine, not of the run
        settings[name] = getattr(args, name)
    settings.update(class_dict.to_dict(), num_classes=class_dict.num_classes, dataset_path=str(dataset.resolve()))
    return settings, state, class_dict


def set_frontend_rate(settings: dict, given: Collection[str]) -> None:
    """Sets the learning rate factor of a frontend without trained weights to 1, unless it is given; prints it.

    Args:
        settings: of a new run; its recipe may have another factor, for pretrained frontends.
        given: names of the flags on the command line.
    """
    has_frontend, rate = MODELS[settings["model"]].frontend, settings["frontend_learning_rate"]
    is_trained = has_frontend and (settings["frontend_weights"] != "none" or settings["init_from"])
    if is_trained or rate == 1 or "frontend_learning_rate" in given:
        return
    settings["frontend_learning_rate"] = 1.0
    if has_frontend:
        print(f"--frontend_learning_rate 1 instead of {rate:g}: without pretrained weights all layers are new")
