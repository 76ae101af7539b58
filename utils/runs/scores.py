"""Scores of test.py, assigned to the training runs whose checkpoints were tested."""

import dataclasses
import pathlib
from collections.abc import Iterable

from utils.files import parse_json
from utils.run_folder import SET_ASIDE, time_set_aside
from utils.settings import weights_checksum

SCORES = "scores.json"
# Flags of test.py with an effect on the scores.
TEST_FLAGS = ("split", "scales", "flip", "tile", "overlap", "batch_statistics", "crop_height", "crop_width")


@dataclasses.dataclass
class CheckpointScores:
    """The scores of a checkpoint that test.py wrote.

    Attributes:
        path: of `scores.json`.
        scores: its content.
        time: of the last change of the file, seconds since 1970.
        checkpoints: places where the checkpoint may be, absolute, the likeliest first.
        flags: the flags of test.py in `TEST_FLAGS`; "checkpoint", "latest" or a path in the run's folder; and "dataset"
            if it is not that of the training.
        weights: the checksum of the checkpoint's weights, or None: old tests and those of exported files have none.
    """

    path: pathlib.Path
    scores: dict
    time: float
    checkpoints: list[pathlib.Path]
    flags: dict
    weights: str | None = None


def read_test(path: pathlib.Path) -> CheckpointScores | None:
    """Reads a `scores.json` of test.py; None if it is not one."""
    try:
        scores = parse_json(path.read_text(encoding="utf-8"))
        settings = scores["settings"]
        checkpoint, output = pathlib.Path(settings["checkpoint_path"]), pathlib.Path(settings["output_dir"])
        checkpoint.resolve(), output.resolve()  # ValueError for names that cannot be
        float(scores["mean_iou"])
        weights = (settings.get("checkpoint") or {}).get("weights")
        changed = path.stat().st_mtime
    except (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    folder = path.parent.resolve()
    bases = [pathlib.Path.cwd(), folder, *folder.parents]
    written = folder.with_name(folder.name.rpartition(SET_ASIDE)[0] or folder.name)
    for place in (folder, written):
        if not output.is_absolute() and output.parts and place.parts[-len(output.parts) :] == output.parts:
            bases = [place.parents[len(output.parts) - 1]]  # where test.py was started
    checkpoints = [(base / checkpoint).resolve() for base in bases]
    flags = {name: settings.get(name) for name in TEST_FLAGS}
    return CheckpointScores(path, scores, changed, checkpoints, flags, weights)


def add_tests(runs: list, places: Iterable[str | pathlib.Path]) -> None:
    """Adds the tests in folders or files to the runs whose checkpoints they scored.

    A checkpoint is recognized by its weights, wherever it is now; without their checksum by its path and the time. A
    test of an earlier state of a checkpoint is named in the run's problems instead.

    Args:
        runs: list of `utils.runs.Run`.
        places: folders, with all that is in them, and `scores.json` files.
    """
    paths = {}
    for place in map(pathlib.Path, places):
        found = place.rglob(SCORES) if place.is_dir() else [place] if place.name == SCORES else []
        paths.update((path.resolve(), path) for path in found)
    tests = [test for test in map(read_test, paths.values()) if test]
    holders = _checkpoints_by_weights(runs) if any(test.weights for test in tests) else {}
    for test in sorted(tests, key=lambda test: test.time, reverse=True):
        named = [(checkpoint, run) for checkpoint in test.checkpoints for run in runs if run.has(checkpoint)]
        same = holders.get(test.weights, []) if test.weights else []
        if not (same or named):
            continue
        checkpoint, run = next((place for place in named if place in same), (same or named)[0])
        is_latest = checkpoint == run.latest.resolve()
        test.flags["checkpoint"] = "latest" if is_latest else checkpoint.relative_to(run.folder.resolve()).as_posix()
        dataset = pathlib.PureWindowsPath(test.scores["settings"].get("dataset") or "").name
        if dataset and dataset != run.dataset:
            test.flags["dataset"] = dataset
        aside = None if same else _set_aside_after(test, run.folder)
        if aside:
            for other in runs:
                if other.folder.resolve() == aside.resolve():
                    other.tests.append(test)
        elif not same and checkpoint.is_file() and (test.weights or checkpoint.stat().st_mtime > test.time):
            run.problems.append(
                f"{test.path} is left out: {checkpoint.name} was trained further after it; test it again"
            )
        else:
            run.tests.append(test)


def _checkpoints_by_weights(runs):
    """Returns a dict from a checksum of weights to a list of `(path, run)`, absolute, the latest checkpoint first."""
    holders = {}
    for run in runs:
        for path in (run.latest, *sorted(run.folder.rglob("*.keras"))):
            place = path.resolve(), run
            checksum = weights_checksum(path)
            if checksum and place not in holders.setdefault(checksum, []):
                holders[checksum].append(place)
    return holders


def _set_aside_after(test, folder):
    """Returns the folder to which the run in `folder` was moved after a test, before another run took its place."""
    for aside in sorted(folder.parent.glob(f"{folder.name}{SET_ASIDE}*")):
        moved = time_set_aside(aside)
        if moved is not None and moved >= int(test.time):
            return aside
    return None
