"""Scores of test.py, assigned to the training runs whose checkpoints were tested."""

import dataclasses
import json
import pathlib
import time
from collections.abc import Iterable

SCORES = "scores.json"
SET_ASIDE = "_until_"  # in the name of a folder that `RunFolder.set_aside` renamed, before the time
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
    """

    path: pathlib.Path
    scores: dict
    time: float
    checkpoints: list[pathlib.Path]
    flags: dict


def read_test(path: pathlib.Path) -> CheckpointScores | None:
    """Reads a `scores.json` of test.py; None if it is not one."""
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
        settings = scores["settings"]
        checkpoint, output = pathlib.Path(settings["checkpoint_path"]), pathlib.Path(settings["output_dir"])
        float(scores["mean_iou"])
        changed = path.stat().st_mtime
    except (OSError, ValueError, TypeError, LookupError):
        return None
    folder = path.parent.resolve()
    bases = [pathlib.Path.cwd(), folder, *folder.parents]
    if not output.is_absolute() and folder.parts[-len(output.parts) :] == output.parts:
        bases = [folder.parents[len(output.parts) - 1]]  # where test.py was started
    flags = {name: settings.get(name) for name in TEST_FLAGS}
    return CheckpointScores(path, scores, changed, [(base / checkpoint).resolve() for base in bases], flags)


def add_tests(runs: list, places: Iterable[str | pathlib.Path]) -> None:
    """Adds the tests in folders or files to the runs whose checkpoints they scored.

    A test that is older than its checkpoint scored an earlier state of it; it is named in the run's problems instead.

    Args:
        runs: list of `utils.runs.Run`.
        places: folders, with all that is in them, and `scores.json` files.
    """
    paths = {}
    for place in map(pathlib.Path, places):
        found = place.rglob(SCORES) if place.is_dir() else [place] if place.name == SCORES else []
        paths.update((path.resolve(), path) for path in found)
    tests = [test for test in map(read_test, paths.values()) if test]
    for test in sorted(tests, key=lambda test: test.time, reverse=True):
        matches = ((checkpoint, run) for checkpoint in test.checkpoints for run in runs if run.has(checkpoint))
        checkpoint, run = next(matches, (None, None))
        if not run:
            continue
        is_latest = checkpoint == run.latest.resolve()
        test.flags["checkpoint"] = "latest" if is_latest else checkpoint.relative_to(run.folder.resolve()).as_posix()
        dataset = pathlib.PureWindowsPath(test.scores["settings"].get("dataset") or "").name
        if dataset and dataset != run.dataset:
            test.flags["dataset"] = dataset
        aside = _set_aside_after(test, run.folder)
        if aside:
            for other in runs:
                if other.folder.resolve() == aside.resolve():
                    other.tests.append(test)
        elif checkpoint.is_file() and checkpoint.stat().st_mtime > test.time:
            run.problems.append(
                f"{test.path} is left out: {checkpoint.name} was trained further after it; test it again"
            )
        else:
            run.tests.append(test)


def _set_aside_after(test, folder):
    """Returns the folder to which the run in `folder` was moved after a test, before another run took its place."""
    for aside in sorted(folder.parent.glob(f"{folder.name}{SET_ASIDE}*")):
        try:
            moved = time.mktime(time.strptime(aside.name.rpartition(SET_ASIDE)[2], "%Y%m%d_%H%M%S"))
        except ValueError:
            continue
        if moved >= int(test.time):
            return aside
    return None
