"""Undamaged checkpoints of a run, in place of a damaged one.

Importing this file imports no Keras.
"""

import os
import pathlib
import shlex
from typing import NamedTuple

from utils.checkpoint_archive import check_archive, read_archive
from utils.errors import UnreadableError, UsageError
from utils.run_folder import LATEST

MAX_OFFERED = 3


class Checkpoint(NamedTuple):
    """An undamaged checkpoint.

    Attributes:
        path: `pathlib.Path`.
        epoch, step: with which a training continues.
    """

    path: pathlib.Path
    epoch: int
    step: int


def other_checkpoints(path: str | os.PathLike) -> list[Checkpoint]:
    """Finds the undamaged checkpoints of the run that a checkpoint belongs to, the most advanced first.

    Args:
        path: of the latest checkpoint, beside the run's folder, or of one within that folder.

    Returns:
        List of `Checkpoint`, without that of `path`.
    """
    path = pathlib.Path(path)
    name = path.stem.removeprefix(LATEST)
    folder = path.parent / name if path.stem != name else path.parent
    if folder.name.isdecimal():  # of an epoch
        folder = folder.parent
    places = [folder.parent / f"{LATEST}{folder.name}.keras", *sorted(folder.glob("*.keras"))]
    places += sorted(folder.glob("[0-9]*/*.keras"))
    found = []
    for place in places:
        if place.is_file() and not place.name.startswith(".") and place.absolute() != path.absolute():
            try:
                check_archive(place)
                state = read_archive(place)[1]
            except (UnreadableError, KeyError):
                continue
            found.append(Checkpoint(place, state.get("epoch", 0), state.get("step", 0)))
    return sorted(found, key=lambda checkpoint: (-checkpoint.epoch, -checkpoint.step))


def damaged_checkpoint(path: str | os.PathLike, damage: str, resumes: bool = False) -> UsageError:
    """Creates the error of a damaged checkpoint, which offers the other ones of its run.

    Args:
        path: of the damaged file.
        damage: what is wrong with it.
        resumes: whether a training is to continue from it, so that another one has to get its name.
    """
    return offer_others(f"{path} is damaged or not a .keras checkpoint ({damage})", path, resumes)


def offer_others(message: str, path: str | os.PathLike, resumes: bool = False) -> UsageError:
    """Creates the error of a checkpoint that cannot be used, with the command that takes another one of its run.

    Args:
        message: what is wrong with it.
        path: of the file.
        resumes: as of `damaged_checkpoint`.
    """
    others = other_checkpoints(path)
    if not others:
        return UsageError(message)
    best = shlex.quote(str(others[0].path))
    remedy = f"cp {best} {shlex.quote(str(path))}" if resumes else f"--checkpoint_path {best}"
    more = [os.path.relpath(other.path, others[0].path.parent) for other in others[1:MAX_OFFERED]]
    also = f" (also undamaged: {', '.join(more)})" if more else ""
    return UsageError(f"{message}; go on from epoch {others[0].epoch} with: {remedy}{also}")
