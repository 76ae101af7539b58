"""Train a segmentation network.

    python train.py --model DeepLabV3_plus --frontend ResNet101 --dataset CamVid

Checkpoints, scores, pictures and plots appear under checkpoints/. See `python train.py --help`.
"""

import sys

from models import MODELS
from utils.backend import import_backend, versions
from utils.cli import parse, train_parser
from utils.cli.checks import check_fine_tuning, check_label_smoothing, check_network, check_scale_range
from utils.errors import INTERRUPTED, UsageError, report_errors
from utils.progress import Console
from utils.settings import read_checkpoint
from utils.training.build import output_names, training_heads

# What cannot change when a training goes on.
FIXED = (
    "frontend",
    "mixed_precision",
    "ignore_class",
    "optimizer",
    "accumulate",
    "output_stride",
    "no_auxiliary",
    "init_from",
    "ema",
    "recipe",
)
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
)


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, given = parse(train_parser(), argv)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import read_classes
    from utils.run_folder import RunFolder

    if not MODELS[args.model].frontend and "frontend_learning_rate" not in given:
        args.frontend_learning_rate = 1.0  # a recipe may have another
    check_scale_range(args.scale_range)
    check_network(args.model, args.frontend, args.output_stride, args.crop_height, args.crop_width)
    folder = find_or_make_dataset(args.dataset)
    run = RunFolder(args.output_dir, args.model, folder.resolve().name)
    settings, state = begin_or_continue(run, vars(args), given)
    check_label_smoothing(settings["label_smoothing"], settings["loss"])
    settings["progress"] = args.progress  # a matter of this terminal, not of the run
    class_dict = read_classes(folder, settings["ignore_class"], settings["unknown_colours"])
    if state and class_dict.class_names != settings["class_names"]:
        raise UsageError(
            f"{run.latest} was trained on the classes {', '.join(settings['class_names'])}; start a new run"
        )
    settings.update(class_dict.to_dict(), num_classes=class_dict.num_classes, dataset_path=str(folder.resolve()))
    data, validation_pairs, class_weights = prepare_data(folder, settings, class_dict)
    model = prepare_model(settings, class_weights, data.steps, state, run)
    settings["versions"] = versions()
    if settings["progress"] != "quiet":
        announce(settings, model, len(data.pairs), len(validation_pairs))
    return run_training(model, data, validation_pairs, class_dict, run, settings, state)


def begin_or_continue(run, flags, given):
    """Decides between a new run and going on with the latest one.

    Args:
        run: `RunFolder`.
        flags: dict of all flags.
        given: names of the flags that the command line gave; when going on, the others are as they were.

    Returns:
        `(settings, state)`; `state` is None for a new run.
    """
    if not flags["continue_training"]:
        check_fine_tuning(flags)
        return flags, None
    if not run.latest.exists():
        print(f"There is no {run.latest} yet: training from the beginning")
        check_fine_tuning(flags)
        return flags, None
    settings, state = read_checkpoint(run.latest)
    settings.setdefault("init_from", None)  # older checkpoints do not tell
    for name in FIXED:
        if name in given and flags[name] != settings.get(name, flags[name]):
            raise UsageError(
                f"--{name} {flags[name]} does not fit {run.latest}, which was trained with {settings[name]}; "
                "leave the flag out, or start anew without --continue_training"
            )
    settings = {**flags, **settings, **{name: flags[name] for name in given}}
    check_fine_tuning({**settings, "init_from": None})
    return settings, state


def prepare_data(folder, settings, class_dict):
    """Lists and checks the images.

    Returns:
        `(data, validation_pairs, class_weights)`: `SegmentationDataset`, list of `Pair`, list of float or None.
    """
    Console(settings["progress"]).say("Loading the data ...")
    import_backend()
    from utils.data.augmentation import Augmentation
    from utils.data.dataset import open_training_data

    data, validation_pairs, weights = open_training_data(
        folder,
        class_dict,
        Augmentation(**{name: settings[name] for name in AUGMENTATION}),
        num_val_images=settings["num_val_images"],
        outputs=output_names(settings),
        **{name: settings[name] for name in ("batch_size", "seed", "steps_per_epoch", "cache", "workers")},
    )
    return data, validation_pairs, weights.tolist() if settings["class_balancing"] else None


def prepare_model(settings, class_weights, steps_per_epoch, state, run):
    """Builds and compiles the network; with the weights of `--init_from`, or when going on those of the latest
    checkpoint and its optimizer.

    Returns:
        Compiled `keras.Model`.
    """
    from utils.checkpoints import restore
    from utils.training.build import build_training_model

    Console(settings["progress"]).say("Preparing the model ...")
    if state is None and not settings["init_from"]:
        return build_training_model(settings, class_weights, steps_per_epoch)
    model = build_training_model({**settings, "frontend_weights": "none"}, class_weights, steps_per_epoch)
    if state is None:
        from utils.training.warm_start import report, start_from

        source = settings["init_from"]
        print(report(start_from(source, model, settings), source, settings))
        return model
    restore(run.latest, model, state)
    if settings["schedule"] == "constant" and not settings["warm_up"]:
        model.optimizer.learning_rate = settings["learning_rate"]  # the checkpoint's may be another
    return model


def announce(settings, model, num_images, num_validation_images):
    """Tells what is about to happen, in the original suite's words."""
    augmentation = {
        "Vertical Flip": "v_flip",
        "Horizontal Flip": "h_flip",
        "Brightness Alteration": "brightness",
        "Rotation": "rotation",
        "Zoom": "zoom",
        "Scale": "scale_range",
        "Colors": "color_jitter",
    }
    from utils.backend import device
    from utils.benchmark.complexity import count_parameters
    from utils.cli import run_block

    on_frontend = f" on {settings['frontend']}" if MODELS[settings["model"]].frontend else ""
    print(run_block(train_parser(), settings, settings["versions"]))
    print(f"This model has {count_parameters(model)} trainable parameters")
    print("\n***** Begin training *****")
    print(f"Dataset --> {settings['dataset_path']} ({num_images} training, {num_validation_images} validation images)")
    print(f"Model --> {settings['model']}{on_frontend}")
    print(f"Engine --> {device()}")
    print(f"Crop Height --> {settings['crop_height']}")
    print(f"Crop Width --> {settings['crop_width']}")
    print(f"Num Epochs --> {settings['num_epochs']}")
    print(f"Batch Size --> {settings['batch_size']}")
    print(f"Num Classes --> {settings['num_classes']}")
    for name, head in training_heads(settings).items():
        print(f"Auxiliary Loss --> {name} ({head.kind}), weight {head.weight}")
    print("Data Augmentation:")
    for name, key in augmentation.items():
        print(f"\t{name} --> {settings[key]}")
    print(flush=True)


def run_training(model, data, validation_pairs, class_dict, run, settings, state):
    """Trains, and returns the exit code."""
    from models import inference_model
    from utils.backend import use_xla
    from utils.files import write_json
    from utils.inference.keras_backend import KerasBackend
    from utils.inference.predictor import Predictor
    from utils.training.callbacks import graceful_interruption
    from utils.training.loop import Trainer, new_state
    from utils.training.precise_batch_norm import BatchNormStatistics
    from utils.training.tensorboard import Writer

    if state is None:
        aside = run.set_aside()
        if aside:
            print(f"The earlier run of this model and dataset is kept in {aside}")
        state = new_state(settings["epoch_start_i"])
    elif state["epoch"] >= settings["num_epochs"]:
        print(f"{run.latest} already has its {settings['num_epochs']} epochs; raise --num_epochs to train on")
        return 0
    else:
        print(f"Continuing from {run.latest}: epoch {state['epoch']}, step {state['step']}")
    run.make()
    write_json(run.settings, settings)
    writer = Writer(run.folder / "tensorboard", state["epoch"], state["log"]) if settings["tensorboard"] else None
    jit_compile = use_xla(settings["jit_compile"])
    predictor = Predictor(KerasBackend(inference_model(model), jit_compile), settings["batch_size"])
    statistics = BatchNormStatistics(model, jit_compile)
    if writer and writer.is_new:
        writer.graph(model)
    with graceful_interruption() as interruption:
        training = Trainer(
            model, data, predictor, statistics, validation_pairs, class_dict, run, settings, state, interruption, writer
        )
        complete = training.train()
    training.summarize()
    return 0 if complete else INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
