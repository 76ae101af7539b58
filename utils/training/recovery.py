"""Recovery of a training that diverged: back to the last good checkpoint, with half the learning rate (`--recover`)."""

import shlex

from utils.errors import DivergedError
from utils.settings import read_checkpoint
from utils.training.build import halved_learning_rate, set_learning_rate
from utils.training.freezing import set_frozen
from utils.training.loop import Trainer
from utils.training.optimizers.ema import averaged_weights
from utils.training.resume import restore_training

MOST_RECOVERIES = 3


def train_with_recovery(trainer: Trainer, recover: bool = False) -> bool:
    """Trains; if the training diverges, goes back to the last good checkpoint with half the learning rate, or fails.

    Their number is "recoveries" in the state of the training, so that it is kept where a run resumes.

    Args:
        trainer: `Trainer`.
        recover: whether to go back, at most three times in a run.

    Returns:
        As `Trainer.train`.

    Raises:
        DivergedError: naming the problem, the last good checkpoint and the command to go on.
    """
    record = trainer.record
    if recover and not record.run.latest.exists():
        write_checkpoint(trainer)  # to go back to
    while True:
        try:
            return trainer.train()
        except DivergedError as error:
            done = record.state.get("recoveries", 0)
            if not recover or done >= MOST_RECOVERIES:
                raise DivergedError(f"{error}; {remedy(record, done)}") from error
            go_back(trainer, done + 1)
            state = record.state
            rate = halved_learning_rate(record.settings, state)
            print(
                f"Diverged: {error}. Back to {record.run.latest}, epoch {state['epoch']}, step {state['step']}, with "
                f"half the learning rate, {rate:g} (recovery {done + 1} of {MOST_RECOVERIES})",
                flush=True,
            )


def go_back(trainer: Trainer, number: int) -> None:
    """Restores weights, optimizer and state of the latest checkpoint, and lowers the learning rate.

    Args:
        trainer: `Trainer`.
        number: of this recovery, from 1 on; the learning rate is that of the settings times 0.5 ** number.
    """
    model, record = trainer.model, trainer.record
    _, state = read_checkpoint(record.run.latest)
    state["recoveries"] = number
    set_frozen(model, False)  # as it was built; the loop freezes it again
    restore_training(record.run.latest, model, state)
    set_learning_rate(model, record.settings, state, trainer.data.steps)
    record.state.clear()
    record.state.update(state)
    write_checkpoint(trainer)  # a run that is resumed knows how often it went back


def write_checkpoint(trainer: Trainer) -> None:
    """Writes the latest checkpoint as it is for the state of the training."""
    with averaged_weights(trainer.model):
        trainer.record.add_interruption(trainer.model, trainer.record.state["step"])


def remedy(record, recoveries: int) -> str:
    """Returns where the last good checkpoint is, and the command to go on from it."""
    settings, latest = record.settings, record.run.latest
    rate = f"--learning_rate {halved_learning_rate(settings, {'recoveries': recoveries + 1}):g}"
    if not latest.exists():
        return f"there is no checkpoint yet: train with {rate}, or with --recover"
    datasets = [settings["dataset"]] if isinstance(settings["dataset"], str) else settings["dataset"]
    words = ["python", "train.py", "--model", settings["model"], "--dataset", *datasets]
    words += ["--name", settings["name"]] if settings.get("name") else []
    words += ["--output_dir", settings["output_dir"]] if settings.get("output_dir") != "checkpoints" else []
    command = shlex.join(map(str, words))
    return f"the last good checkpoint is {latest}. Go on: {command} --continue_training {rate}"
