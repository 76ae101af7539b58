"""Resuming a training: the settings of the interrupted run, its position, weights, optimizer and dropout seeds.

Importing this file imports no Keras.
"""

import pathlib
import warnings
from collections.abc import Collection

from utils.errors import UsageError, first_line
from utils.settings import read_checkpoint
from utils.text import brief
from utils.training.time_plan import is_complete

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
    if "learning_rate" in given:
        state.pop("recoveries", None)  # halved no more
    state.setdefault("trained_with", lengths(settings, settings.get("steps_per_epoch"), None))  # as well
    for name in FIXED:
        if name in given and flags[name] != settings.get(name, flags[name]):
            raise UsageError(
                f"--{name} {flags[name]} does not fit {latest}, which was trained with {settings.get(name)}; "
                "leave the flag out, or start anew without --continue_training"
            )
    merged = {**flags, **settings, **{name: flags[name] for name in given}}
    if bool(merged.get("soft_labels")) != bool(settings.get("soft_labels")):  # another loss with other running means
        raise UsageError(
            f"{latest} was trained with{'out' if merged.get('soft_labels') else ''} --soft_labels, and can only be "
            "continued so; or start anew without --continue_training"
        )
    if has_schedule(merged) != has_schedule(settings):  # the optimizer then has another variable
        raise UsageError(
            f"{latest} was trained with{'out' if has_schedule(merged) else ''} a schedule or warm-up, and can only be "
            "continued so; leave out --schedule and --warm_up, or start anew without --continue_training"
        )
    return merged, state


def has_schedule(settings: dict) -> bool:
    """Returns whether the learning rate of a run changes."""
    return settings.get("schedule", "constant") != "constant" or bool(settings.get("warm_up"))


def lengths(settings: dict, steps: int | None, images: int | None) -> dict:
    """Returns the division of a training into epochs and steps, for its state; None stands for unknown."""
    names = ("batch_size", "seed", "num_epochs")
    return {"steps": steps, "images": images, "minutes": settings.get("minutes"), **{n: settings.get(n) for n in names}}


def adapt_position(settings: dict, state: dict, steps: int, images: int) -> list[str]:
    """Adapts the state of a run to another batch size, number of steps, of images or of epochs.

    What counts are epochs and images: the position in an epoch becomes that of the next image, and
    `build.continue_schedule` moves the schedule.

    Args:
        settings: of the run as it continues.
        state: of the checkpoint; "step", "sums", "schedule_shift" and "trained_with" are brought up to date.
        steps: training steps per epoch.
        images: training images.

    Returns:
        Lines that say what changes.
    """
    before, now = state["trained_with"], lengths(settings, steps, images)
    before = {
        **before,
        "images": before["images"] or images,
        "seed": before["seed"] if before["seed"] is not None else now["seed"],
    }
    before["steps"] = before["steps"] or -(-before["images"] // before["batch_size"])
    state["trained_with"] = now
    changed = [name for name in now if name != "minutes" and before[name] != now[name]]
    was_timed = before["minutes"] and not now["minutes"]
    lines = _adapt_step(before, now, state) if state["step"] and (changed or was_timed) else []
    if not now["minutes"] and ("steps" in changed or was_timed):
        state["schedule_shift"] = None
    if (
        settings["schedule"] != "constant"
        and not now["minutes"]
        and ("steps" in changed or "num_epochs" in changed or was_timed)
    ):
        lines.append(
            f"The schedule {settings['schedule']} now spans {now['num_epochs']} epochs of {steps} steps; the learning "
            "rate continues at the run's share of them"
        )
    return lines


def _adapt_step(before, now, state):
    """Moves the state's position within the epoch; returns a line if images are trained twice."""
    epoch, done = state["epoch"], state["step"] * before["batch_size"]
    for name in ("images", "seed"):
        if before[name] != now[name]:  # another order, in which the images done are not the first
            return _repeat_epoch(state, f"{name} are {now[name]}, were {before[name]}")
    step, rest = divmod(done, now["batch_size"])
    if step >= now["steps"] and not now["minutes"]:
        return _repeat_epoch(state, f"its {now['steps']} steps have fewer images than the {done} that were trained")
    state["step"] = step
    return [f"The last {rest} of the {done} images trained in epoch {epoch} are trained again"] if rest else []


def _repeat_epoch(state, reason):
    state["step"] = 0
    state.pop("sums", None)
    return [f"Epoch {state['epoch']} begins again with the weights as they are: {reason}"]


def completion_line(latest: pathlib.Path, settings: dict, state: dict) -> str | None:
    """Returns a line if a run is complete, on how to train on; None if epochs or a validation are left.

    Args:
        latest: the run's latest checkpoint.
        settings, state: as it would continue.
    """
    if state.get("pending"):
        return None
    if is_complete(settings, state):
        longer = f"--minutes {settings['minutes']:g}" if settings["minutes"] else "--num_epochs"
        return f"{latest} already has its {settings['num_epochs']} epochs; raise {longer} to train on"
    patience, count = settings["patience"], state["validations_without_gain"]
    if not patience or count < patience:
        return None
    return (
        f"{latest} is complete: {count} validations without a better mean IoU, and --patience is {patience}; to train "
        f"on, give --patience {count + patience} or any number above {count}"
    )


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
