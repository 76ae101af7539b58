"""Folder of a test's results, which an earlier result does not lose to a test of something else."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

from utils.errors import RunError
from utils.files import make_folder
from utils.run_folder import run_label, set_aside
from utils.runs.scores import SCORES, TEST_FLAGS
from utils.safe_paths import safe_path

DEFAULT = "Test"
REPORT = "report.html"  # the page of results, which not every test writes
# Settings of a test with an effect on its files.
COMPARED = ("checkpoint", "dataset", "unknown_colours", "label_format", "image_orientation", *TEST_FLAGS)


def result_path(output_dir: str | os.PathLike | None, settings: dict, dataset: pathlib.Path) -> pathlib.Path:
    """Returns the folder for the results of a test.

    Args:
        output_dir: `--output_dir`, or None for `Test/<model>_<dataset>`, and the name of the run.
        settings: of the training.
        dataset: folder of the dataset that is scored.

    Raises:
        UsageError: if the names in the settings lead out of the folder `Test`.
    """
    label = run_label(settings["model"], dataset.resolve().name, settings.get("name"))
    return pathlib.Path(output_dir) if output_dir else safe_path(DEFAULT, label, "the settings", follow_links=True)


@contextlib.contextmanager
def result_folder(output: pathlib.Path, record: dict, keeps_others: bool) -> Iterator[pathlib.Path]:
    """Context that moves the files of a test to their folder once all are complete.

    Files of an earlier test of the same checkpoint and flags are replaced. The result of another test is renamed, see
    `set_aside`, or replaced too, which is said in a line.

    Args:
        output: folder for the results; if the test fails, it stays as it was.
        record: settings of the test, of JSON types and tuples, as in scores.json.
        keeps_others: whether to rename `output` if it has the result of another test.

    Yields:
        Folder to write the files to, in the file system of `output`.

    Raises:
        RunError: if a folder cannot be written.
    """
    place = make_folder(output.parent if keeps_others else output)
    temporary = place / f".{output.name}.{os.getpid()}.tmp"  # of this process: another test may run
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield make_folder(temporary)
        earlier = earlier_test(output)
        is_other = earlier is not None and not is_same_test(earlier, record)
        if is_other and keeps_others:
            print(f"The earlier result, {describe(earlier)}, is kept in {set_aside(output)}")
        elif is_other and earlier:
            print(f"The earlier result in {output}, {describe(earlier)}, is replaced")
            (output / REPORT).unlink(missing_ok=True)  # beside the scores of another test it would mislead
        move_contents(temporary, make_folder(output))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def earlier_test(folder: pathlib.Path) -> dict | None:
    """Reads the settings of the test whose result is in a folder: {} if they are unknown, None if it has no files."""
    try:
        return json.loads((folder / SCORES).read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, TypeError, LookupError):
        return {} if folder.exists() and any(folder.iterdir()) else None


def is_same_test(earlier: dict, record: dict) -> bool:
    """Returns whether two tests were of the same checkpoint, dataset and flags with an effect on the scores."""
    record = json.loads(json.dumps(record))  # tuples become lists
    names = (*COMPARED, "batch_size") if record.get("batch_statistics") else COMPARED
    return all(earlier.get(name) == record.get(name) for name in names)


def describe(earlier: dict) -> str:
    """Describes an earlier test: its checkpoint and epoch, its split."""
    epoch = (earlier.get("checkpoint") or {}).get("epoch")
    parts = [earlier.get("checkpoint_path"), None if epoch is None else f"epoch {epoch:04d}", earlier.get("split")]
    return ", ".join(part for part in parts if part) or "of an unknown test"


def move_contents(source: pathlib.Path, target: pathlib.Path) -> None:
    """Moves the files and folders in `source` to `target`, `scores.json` last, and replaces those of equal names.

    Raises:
        RunError: if one cannot be moved.
    """
    try:
        for item in sorted(source.iterdir(), key=lambda item: item.name == SCORES):
            place = target / item.name
            if item.is_dir() and place.is_dir():
                shutil.rmtree(place)
            os.replace(item, place)
    except OSError as error:
        raise RunError(f"cannot write to {target}: {error.strerror}") from error
