"""Resuming a training: the settings of the interrupted run, its weights, optimizer and dropout seeds.

Importing this file imports no Keras.
"""

import pathlib
import warnings
from collections.abc import Collection

from utils.errors import UsageError, first_line
from utils.settings import read_checkpoint
from utils.text import brief

# Flags that cannot change when a training resumes.
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
    "bands",
    "input_channels",
    "image_range",
)


def resume_settings(latest: pathlib.Path, flags: dict, given: Collection[str]) -> tuple[dict, dict | None]:
    """Returns the settings and the state of the run to resume, or of a new one if there is no checkpoint.

    Args:
        latest: the run's latest checkpoint.
        flags: values of all flags.
        given: names of the flags on the command line; the others keep the values of the run.

    Returns:
        `(settings, state)`; `state` is None for a new run.

    Raises:
        UsageError: if a given flag contradicts the run.
    """
    if not latest.exists():
        print(f"There is no {latest} yet: training from the beginning")
        return flags, None
    settings, state = read_checkpoint(latest, resumes=True)
    settings.setdefault("init_from", None)  # older checkpoints lack it
    for name in FIXED:
        if name in given and flags[name] != settings.get(name, flags[name]):
            raise UsageError(
                f"--{name} {flags[name]} does not fit {latest}, which was trained with {settings.get(name)}; "
                "leave the flag out, or start anew without --continue_training"
            )
    return {**flags, **settings, **{name: flags[name] for name in given}}, state


def restore_training(path: pathlib.Path, model, state: dict) -> None:
    """Restores weights, optimizer variables and dropout seeds of a checkpoint.

    Args:
        path: the checkpoint.
        model: compiled `keras.Model` of the same kind.
        state: the checkpoint's state.

    Raises:
        UsageError: if the checkpoint does not fit the model or its optimizer.
    """
    from utils.checkpoints import check_file, seed_generators
    from utils.training.optimizers.ema import exchange_average

    check_file(path, resumes=True)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when it skips an optimizer that does not fit
            model.load_weights(path)
    except Exception as error:
        problem = brief(first_line(error), 150)
        raise UsageError(f"{path} does not fit the model or the optimizer: {problem}") from error
    exchange_average(model)  # checkpoints hold weights and average exchanged
    for generator, seed in zip(seed_generators(model), state["dropout_seeds"]):
        generator.state.assign(seed)
