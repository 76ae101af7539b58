"""Failures injected into trainings: full disks, vanished folders, images that go bad, damaged checkpoints."""

import contextlib
import errno
import importlib.util
import os
import pathlib
import random
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator

from tools.soak import child
from tools.soak.compare import damaged_files, differences
from tools.soak.kills import RESUME, report, train_reference
from tools.soak.operations import Refusal, Watch, fill, fill_open_file
from tools.soak.settings import simple_settings, words
from utils.checkpoint_archive import SUITE_MEMBER
from utils.cli.arguments import train_parser

LONGEST = 300  # characters of a message that is kept
DISK = "16m"  # size of the file system that is filled
HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None
EVENTS = "TensorBoard events"
SECOND = "*/0001/"  # the folder of the second epoch
# Operations, by what is written: patterns of `Watch` and which of the operations. There are checkpoints before them.
WRITING = {
    "a checkpoint": (f"open {SECOND}.model*", 1),
    "the latest checkpoint": ("rename latest_model*", 2),
    "the log": ("open */.log*", 2),
    "an image of the validation": (f"open {SECOND}.*_pred*", 1),
    "the samples": (f"open {SECOND}.samples*", 1),
    "a plot": ("open */.iou_vs_epochs*", 2),
    "the report": ("open */.report*", 2),
    **({EVENTS: ("rename */report.html", 2)} if HAS_TENSORBOARD else {}),  # they follow it
}
FULL, RAISED, READ_ONLY, ALONE = (
    "full disk",
    "full disk, error raised",
    "read-only disk",
    "error of this file alone",
)
ERRORS = {RAISED: errno.ENOSPC, READ_ONLY: errno.EROFS, ALONE: errno.EIO}
DRAWN = ("the samples", "a plot")  # these need plots, which take most of the time of a tiny training
MAY_FAIL = ("the log", "an image of the validation", "the samples", "a plot", "the report", EVENTS)
FIRST_LOG = "rename */log.csv"  # at the end of the first epoch
IMAGES = ("truncated", "vanished", "empty", "a pipe")
NO_SETTINGS = "without settings"
CHECKPOINTS = ("truncated", "empty", "bit flipped", NO_SETTINGS)


def plan(work: pathlib.Path, dataset: pathlib.Path, seed: int) -> Iterator[tuple]:
    """Yields calls, as `(function, arguments)`, one for each failure. Arguments as of `kills.plan`."""
    settings = simple_settings()
    if HAS_TENSORBOARD:
        settings["tensorboard"] = True
    drawn, undisturbed = work / "undisturbed_drawn", work / "undisturbed"
    train_reference(drawn, words(settings, dataset))
    train_reference(undisturbed, words(settings, dataset), plots=False)
    for kind in CHECKPOINTS:
        yield damage_checkpoint, (work, undisturbed, settings, dataset, kind, seed)
    # Only root may mount a file system.
    kinds = [RAISED, ALONE, *([FULL] if os.geteuid() == 0 else [])]
    cases = [(what, kind) for kind in kinds for what in WRITING]
    cases += [(what, READ_ONLY) for what in ("a checkpoint", "the log", "the samples", "settings")]
    for what, kind in cases:
        yield stop_writing, (work, drawn if what in DRAWN else undisturbed, settings, dataset, what, kind)
    yield vanish, (work, drawn, settings, dataset)
    has_choice = "on_bad_sample" in vars(train_parser().parse_args([]))
    for kind in IMAGES:
        for choice in ("stop", "skip") if has_choice else (None,):
            yield spoil_image, (work, undisturbed, settings, dataset, kind, choice)


def stop_writing(work, undisturbed, settings, dataset, what, kind):
    """Lets the disk be full or read-only from a file on, repairs it, resumes and compares."""
    name = f"{kind} at {what}"
    folder = new_folder(work, name)
    pattern, at = WRITING.get(what, ("open */.settings*", 1))
    out, plots = folder / "run" / "out", what in DRAWN
    with small_disk(folder / "run") if kind == FULL else contextlib.nullcontext():
        if kind == FULL:
            watch = Watch(out, at, lambda: fill(folder / "run"), pattern)
        elif kind == ALONE and what == EVENTS:  # a file that stays open
            watch = Watch(out, 1, lambda: fill_open_file("tensorboard"), FIRST_LOG)
        else:
            watch = Refusal(out, at, ERRORS[kind], pattern, is_alone=kind == ALONE)
        ended = child.train(folder / "run", words(settings, dataset), watch, plots=plots)
        (folder / "run" / "filler").unlink(missing_ok=True)
        problems = check(ended, what in MAY_FAIL, undisturbed)
        if kind == ALONE and what in MAY_FAIL and ended.code:
            problems.append(f"ends though the training could go on: {ended.last_lines(1)}")
        problems += resume(folder, undisturbed, settings, dataset, bool(ended.code), plots)
    return done(folder, name, settings, problems, ended, undisturbed)


def vanish(work, undisturbed, settings, dataset):
    """Removes the output folder in the second epoch, resumes and compares."""
    folder = new_folder(work, "vanished folder")
    out = folder / "run" / "out"
    watch = Watch(out, WRITING["the samples"][1], lambda: shutil.rmtree(out), WRITING["the samples"][0])
    ended = child.train(folder / "run", words(settings, dataset), watch)
    problems = check(ended, True, undisturbed)
    if ended.code:
        problems += resume(folder, undisturbed, settings, dataset)
    return done(folder, "vanished folder", settings, problems, ended, undisturbed)


def spoil_image(work, undisturbed, settings, dataset, kind, choice):
    """Spoils an image after the first epoch; repairs it, resumes and compares."""
    name = f"image {kind}" + (f", --on_bad_sample {choice}" if choice else "")
    folder = new_folder(work, name)
    copied = pathlib.Path(shutil.copytree(dataset, folder / "data" / dataset.name))
    image = sorted((copied / "train").iterdir())[3]
    original = sorted((dataset / "train").iterdir())[3]
    watch = Watch(folder / "run" / "out", 1, lambda: spoil(image, kind), FIRST_LOG)
    command = words({**settings, **({"on_bad_sample": choice} if choice else {})}, copied)
    ended = child.train(folder / "run", command, watch, limit=120, plots=False)
    problems = check(ended, choice == "skip", undisturbed)
    if image.name not in ended.text:
        problems.append(f"does not name {image.name}")
    if choice == "skip" and ended.code:
        problems.append("does not go on")
    image.unlink(missing_ok=True)
    shutil.copy(original, image)
    if ended.code:
        problems += resume(folder, undisturbed, settings, copied, plots=False)
    return done(folder, name, settings, problems, ended, undisturbed)


def damage_checkpoint(work, undisturbed, settings, dataset, kind, seed):
    """Damages the latest checkpoint; resuming must name it and another one that is whole."""
    folder = new_folder(work, f"latest checkpoint {kind}")
    shutil.copytree(undisturbed / "run" / "out", folder / "run" / "out")
    (latest,) = (folder / "run" / "out").glob("latest_model*.keras")
    spoil(latest, kind, random.Random(seed))
    command = words({**settings, "num_epochs": 3}, dataset, RESUME)
    ended = child.train(folder / "run", command, plots=False)
    problems = check(ended, False, undisturbed)
    named = set(re.findall(r"[\w./]+\.keras", ended.text))
    if latest.name not in {pathlib.Path(path).name for path in named}:
        problems.append("does not name the checkpoint")
    if len(named) < 2:
        problems.append("offers no other checkpoint")
    return done(folder, f"latest checkpoint {kind}", settings, problems, ended, undisturbed)


def spoil(path: pathlib.Path, kind: str, rng: random.Random | None = None) -> None:
    """Damages a file in one of the ways of `IMAGES` and `CHECKPOINTS`."""
    data = bytearray(path.read_bytes())
    if kind == NO_SETTINGS:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist() if name != SUITE_MEMBER}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return
    if kind in ("vanished", "a pipe"):
        path.unlink()
        if kind == "a pipe":
            os.mkfifo(path)  # whoever opens it waits for ever
        return
    if kind == "bit flipped":
        data[rng.randrange(len(data) // 4, len(data) // 2)] ^= 1 << rng.randrange(8)
    path.write_bytes(data[: {"truncated": len(data) // 2, "empty": 0}.get(kind, len(data))])


def check(ended, may_go_on, undisturbed):
    """Returns a line for each problem of how a training ended.

    Args:
        ended: `Ended`.
        may_go_on: whether a warning and exit code 0 are an answer, too.
        undisturbed: folder of the undisturbed training, whose warnings do not count.
    """
    if ended.is_late:
        return ["hangs"]
    if ended.has_traceback():
        return [f"traceback: {ended.last_lines(1)}"]
    if ended.code == 0:
        if not may_go_on:
            return ["exit code 0 in spite of the failure"]
        return [] if told(ended, undisturbed) else ["exit code 0 without a warning"]
    return [] if ended.is_clear() else [f"exit code {ended.code}: {ended.last_lines()}"]


def told(ended, undisturbed):
    """Returns the lines of errors and warnings that the undisturbed training did not print."""
    usual = set((undisturbed / "output.txt").read_text(encoding="utf-8").splitlines())
    return [line for line in ended.text.splitlines() if line.startswith(("error: ", "warning: ")) and line not in usual]


def resume(folder, undisturbed, settings, dataset, is_exact=True, plots=True):
    """Checks the files, resumes and compares; a training that continued may lack figures."""
    out = folder / "run" / "out"
    problems = damaged_files(out) if out.is_dir() else []
    ended = child.train(folder / "run", words(settings, dataset, RESUME), plots=plots)
    if ended.code:
        return [*problems, f"resumed: code {ended.code}: {ended.last_lines()}"]
    lines = differences(out, undisturbed / "run" / "out")
    return problems + [line for line in lines if is_exact or not line.startswith("only in")]


def done(folder, name, settings, problems, ended, undisturbed):
    """Returns the report of a failure, and removes its folder if all is well."""
    if not problems:
        shutil.rmtree(folder)
    (result,) = report(name, settings, [], problems)
    return [{**result, "code": ended.code, "text": " | ".join(told(ended, undisturbed)[-1:])[:LONGEST]}]


def new_folder(work, name):
    """Returns a new folder named after a failure."""
    folder = work / re.sub(r"\W+", "_", name)
    folder.mkdir()
    return folder


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Iterator[None]:
    """Mounts a file system of `DISK` bytes in memory at a folder, for root alone."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def figures(results: list[dict]) -> dict:
    """Summarizes the results of `plan`: numbers of failures, one-line errors, warnings and problems."""
    faults = [result for result in results if "code" in result]
    return {
        "faults": len(faults),
        "ended with one line": sum(result["code"] in (1, 2) and not result["problems"] for result in faults),
        "went on with a warning": sum(not result["code"] and not result["problems"] for result in faults),
        "skipped": "; ".join(skipped()) or "nothing",
        "not as promised": sum(bool(result["problems"]) for result in faults),
        "answers": {result["name"]: f"{result['code']}: {result['text']}" for result in faults},
    }


def skipped() -> list[str]:
    """Lists the failures that cannot be injected here, with the reasons."""
    lines = [] if HAS_TENSORBOARD else [f"{EVENTS} (not installed)"]
    return lines + ([] if os.geteuid() == 0 else ["full file systems (only root may mount them)"])
