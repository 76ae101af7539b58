"""Train a segmentation network.

    python train.py --model DeepLabV3_plus --frontend ResNet101 --dataset CamVid

Checkpoints, scores, images and plots appear under checkpoints/. See `python train.py --help`.
"""

import contextlib
import os
import pathlib
import sys
import time

from utils.backend import device, import_backend, process_age, versions
from utils.cli import parse, train_parser
from utils.cli.checks import check_network, check_scale_range, check_tensorboard
from utils.cli.tables import run_block, training_block
from utils.distribution import check_shared, join_cluster, peer_errors, start_distribution
from utils.errors import INTERRUPTED, UsageError, report_errors
from utils.peers import ALONE

AUGMENTATION = (
    "crop_height",
    "crop_width",
    "h_flip",
    "v_flip",
    "brightness",
    "rotation",
    "zoom",
    "scale_range",
    "color_jitter",
    "cutmix",
)
DATASET = (
    "num_val_images",
    "val_fraction",
    "batch_size",
    "seed",
    "steps_per_epoch",
    "cache",
    "workers",
    "on_bad_sample",
    "verify",
    "soft_labels",
)
OPTIONS = ("num_epochs", "validation_step", "patience", "progress", "checkpoint_minutes")


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    start = time.perf_counter() - (process_age() if argv is None else 0.0)
    args, given = parse(train_parser(), argv)
    check_tensorboard(args.tensorboard)
    peers = join_peers(args)
    if args.recipe == "auto":
        args, given = configure_run(args, given)
    if args.mixed_precision == "auto":
        given.discard("mixed_precision")  # a run that goes on keeps its own
    check_scale_range(args.scale_range)
    check_network(args.model, args.frontend, args.output_stride, args.crop_height, args.crop_width)

    # Not at the top: --help and mistyped flags are answered at once.
    from utils.run_folder import RunFolder
    from utils.run_lock import run_lock
    from utils.training.start import choose_settings

    folders = find_datasets(args)
    run = RunFolder(args.output_dir, args.model, "+".join(folder.resolve().name for folder in folders), args.name)
    remedy = f"start all again with --continue_training, which resumes from {run.latest} if it is there"
    with peer_errors(remedy), contextlib.ExitStack() as stack:
        if peers.is_chief and not args.find_learning_rate:
            stack.enter_context(run_lock(run))
        if peers.count > 1:
            check_shared(pathlib.Path(args.output_dir), peers)
        settings, state, class_dict = choose_settings(args, given, folders[0], run, peers)
        if state and is_finished(run, settings, state, class_dict):
            return 0
        return train(folders, class_dict, run, settings, state, start, peers)


def join_peers(args):
    """Returns the processes that train together, see `--distribute`; all but the first print errors alone."""
    if args.distribute != "cluster":
        return ALONE
    for flag in ("find_learning_rate", "minutes", "recover"):
        if getattr(args, flag):
            raise UsageError(f"--{flag} is for a training in one process; leave out --distribute cluster")
    if args.recipe == "auto":
        raise UsageError("--recipe auto plans for one machine; give its plan.json to all processes with --config")
    peers = join_cluster()
    if not peers.is_chief:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  to the end of the process, which is that of the command
    print(f"Process {peers.rank} of {peers.count}")
    return peers


def is_finished(run, settings, state, class_dict):
    """Returns whether a run to resume has nothing left to train; then says how to train on, and completes its log."""
    from utils.training.resume import completion_line
    from utils.training.run_log import refresh_log

    line = completion_line(run.latest, settings, state)
    if line:
        refresh_log(run, state["log"], class_dict)
        print(line)
    return bool(line)


def configure_run(args, given):
    """Replaces flags that are not given by those of a plan, see `utils.auto.configure`."""
    from utils.auto import configure
    from utils.data.image_size import set_max_pixels

    set_max_pixels(args.max_pixels)
    return configure(args, given, find_datasets(args))


def find_datasets(args):
    """Returns the folders of the datasets, of which built-in ones are made if they are absent."""
    from tools.datasets.builtin import find_or_make_dataset

    names = [args.dataset] if isinstance(args.dataset, str) else args.dataset
    return [find_or_make_dataset(name) for name in names]


def train(folders, class_dict, run, settings, state, start, peers):
    """Trains a network.

    Args:
        folders: list of `pathlib.Path`, the datasets.
        class_dict: `ClassDict` of the first.
        run: `RunFolder`.
        settings: dict of the flags and of what the run records beside them.
        state: state of the run to resume, or None for a new one.
        start: `time.perf_counter()` at the start of the command.
        peers: `Peers`, the processes that train together.

    Returns:
        The exit code.
    """
    import_backend(settings["mixed_precision"])
    devices = start_distribution(settings.pop("distribute"), settings["batch_size"], peers)
    from utils.benchmark.complexity import count_parameters
    from utils.progress import Console
    from utils.training.build import auxiliary_heads, prepare_model
    from utils.training.callbacks import graceful_interruption
    from utils.training.loop import Trainer, TrainingOptions
    from utils.training.precision import choose_precision
    from utils.training.record import new_state
    from utils.training.recovery import train_with_recovery
    from utils.training.resume import adapt_position, lengths
    from utils.training.run_time import start_plan
    from utils.training.time_plan import is_complete

    console = Console(settings["progress"])
    if devices:
        console.say(devices)
    data, validation_pairs, class_weights = open_data(folders, class_dict, settings, peers, console)
    console.say("Preparing the model ...")
    if settings["mixed_precision"] == "auto":
        settings["mixed_precision"], reason = peers.gather(choose_precision())[0]
        console.say(f"Precision --> {settings['mixed_precision']} (auto: {reason})")
    class_weights = class_weights.tolist() if settings["class_balancing"] else None
    if settings.pop("find_learning_rate", False):
        from utils.training.learning_rate_search import find_learning_rate

        find_learning_rate(settings, class_weights, data, run)
        return 0
    if state:
        print(*(f"{line}\n" for line in adapt_position(settings, state, data.steps, len(data.pairs))), sep="", end="")
    model = prepare_model(settings, class_weights, data.steps, run, state)
    plan, steps = None, data.steps
    if settings["minutes"] and state and is_complete(settings, state):  # only a validation is left
        settings["num_epochs"] = state["epoch"]
    elif settings["minutes"]:
        console.say("Measuring the time of a step ...")
        plan = start_plan(settings, state, start, model, data, validation_pairs)
    settings["versions"] = versions()
    heads, num_images = auxiliary_heads(settings), (len(data.pairs), len(validation_pairs))
    console.say(run_block(train_parser(), settings, settings["versions"]))
    console.say(training_block(settings, heads, count_parameters(model), device(), num_images))
    if plan:
        console.say(plan.describe())
    if state:
        print(f"Continuing from {run.latest}: epoch {state['epoch']}, step {state['step']}")
    else:
        earlier_run = run.set_aside() if peers.is_chief else None
        if earlier_run:
            print(f"The earlier run of this model and dataset is kept in {earlier_run}")
        state = new_state(settings["epoch_start_i"], lengths(settings, steps, len(data.pairs)))
        if "reasons" in settings:
            from utils.auto.configure import write_plan

            write_plan(run, settings, train_parser().flags())
    record = open_record(run, settings, state, class_dict, peers)
    unfreeze_epoch = settings["epoch_start_i"] + settings["freeze_frontend"]
    options = TrainingOptions(unfreeze_epoch=unfreeze_epoch, **{name: settings[name] for name in OPTIONS})
    with graceful_interruption(peers) as interruption:
        trainer = Trainer(model, data, validation_pairs, record, options, interruption, plan)
        complete = train_with_recovery(trainer, settings.get("recover", False))
    if peers.is_chief:
        trainer.summarize()
    return 0 if complete else INTERRUPTED


def open_data(folders, class_dict, settings, peers, console):
    """Opens the data of a training, prints its report and completes the settings.

    Args:
        folders, class_dict, settings, peers: as in `train`.
        console: `Console`.

    Returns:
        `(data, validation_pairs, class_weights)` of `TrainingData`.
    """
    from utils.data.augmentation import Augmentation
    from utils.data.image_format import ImageFormat
    from utils.data.image_size import set_max_pixels
    from utils.data.soft_labels import check_resumed
    from utils.data.training_data import open_training_data
    from utils.training.build import output_names

    console.say("Loading the data ...")
    set_max_pixels(settings["max_pixels"])
    data, validation_pairs, class_weights, report, warnings = open_training_data(
        folders,
        class_dict,
        Augmentation(**{name: settings[name] for name in AUGMENTATION}),
        outputs=output_names(settings),
        image_format=ImageFormat.from_settings(settings),
        orientation=settings["image_orientation"],
        balanced=settings["class_balancing"],
        peers=peers,
        console=console,
        **{name: settings[name] for name in DATASET},
    )
    console.say(*report)
    if data.soft_labels:
        check_resumed(settings, data.soft_labels.identity)
    settings["image_range"] = data.image_format.to_settings()["image_range"]
    if len(folders) == 1:
        settings["image_orientation"] = class_dict.orientation
    for warning in warnings:
        print(f"warning: {warning}")
    return data, validation_pairs, class_weights


def open_record(run, settings, state, class_dict, peers):
    """Opens the record of a run, whose folder it makes; the arguments are those of `train`."""
    from utils.training.record import RunRecord

    epochs = {name: settings[name] for name in ("num_epochs", "checkpoint_step")}
    has_report = not settings.get("no_report")
    if peers.count > 1 and has_report:
        has_report = False
        print("report.html is left out: no process sees all validation images")
    options = {"tensorboard": settings["tensorboard"], "report": has_report, "is_chief": peers.is_chief}
    record = RunRecord(run, settings, state, class_dict, **epochs, **options)
    peers.gather(None)  # the others write predictions to the folder of the run, once the earlier one is set aside
    return record


if __name__ == "__main__":
    sys.exit(main())
