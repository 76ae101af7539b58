"""Trainings killed with SIGKILL at random moments and between file operations, resumed and compared bit for bit."""

import collections
import glob
import itertools
import json
import pathlib
import random
import shutil
import signal
from collections.abc import Iterator

from tools.soak import child
from tools.soak.compare import damaged_files, differences
from tools.soak.operations import Watch, kill
from tools.soak.settings import draw_settings, simple_settings, words
from utils.errors import RunError

KILLED = -signal.SIGKILL
KILLS = 6  # of one training, at most
OPERATION, MOMENT = "a file operation", "a moment"  # chosen at random
RESUME = "--continue_training"


def plan(work: pathlib.Path, dataset: pathlib.Path, seed: int) -> Iterator[tuple]:
    """Yields calls, as `(function, arguments)`, without end.

    They kill a simple training before each of its file operations, and trainings with random settings.

    Args:
        work: an empty folder.
        dataset: dataset of the trainings.
        seed: of the random settings and moments.
    """
    settings, shift = simple_settings(), random.Random(seed).randrange(KILLS)
    undisturbed, drawn = work / "undisturbed", work / "undisturbed_drawn"
    plain = train_reference(undisturbed, words(settings, dataset), plots=False)
    seen = list(dict.fromkeys(train_reference(drawn, words(settings, dataset))))
    # Plots take most of the time of a tiny training: only kills between their operations need them.
    common, of_plots = ([operation for operation in seen if (operation in plain) == is_in] for is_in in (True, False))
    groups = [(undisturbed, False, chosen) for chosen in spread(common, shift)]
    groups += [(drawn, True, chosen) for chosen in spread(of_plots, shift)]
    for number in itertools.count():
        if number < len(groups):
            folder, plots, chosen = groups[number]
            yield kill_before, (work / f"before_{number}", folder, settings, dataset, chosen, plots)
        yield kill_at_random, (work / f"random_{number}", dataset, f"{seed}-{number}")


def spread(operations, shift):
    """Divides operations into lists of at most `KILLS`, each from the whole training and in its order."""
    parts = -(-len(operations) // KILLS)
    return [operations[(number + shift) % parts :: parts] for number in range(parts)]


def report(name, settings, kills, problems, refusal=""):
    """Returns the results of a call: name and settings, moments of the kills, a line for each problem.

    `refusal` is the error that ended the undisturbed training, so that there was nothing to kill.
    """
    return [{"name": name, "settings": settings, "kills": kills, "problems": problems, "refusal": refusal}]


def train_undisturbed(folder, command, plots=True):
    """Trains without a kill, maybe with blank plots.

    Returns:
        `(seen, seconds, problems, refusal)`: the file operations, the seconds from the first of them to the end, a list
        of lines, and the clear error with which the training ended, such as that it diverged, or "".
    """
    ended = child.train(folder / "run", command, Watch(folder / "run" / "out"), plots=plots)
    if ended.code and ended.is_clear():
        return [], 0.0, [], ended.last_lines(1)
    if ended.code:
        return [], 0.0, [f"undisturbed: code {ended.code}: {ended.last_lines()}"], ""
    seen = json.loads((folder / "operations.json").read_text())
    return seen, ended.seconds - ended.silent, [], ""


def train_reference(folder, command, plots=True):
    """Trains without a kill, as `train_undisturbed`; returns the file operations.

    Raises:
        RunError: if the training fails.
    """
    seen, *_ = train_undisturbed(folder, command, plots)
    if not seen:
        raise RunError(f"a training fails without any disturbance; see {folder / 'output.txt'}")
    return seen


def kill_before(folder, undisturbed, settings, dataset, operations, plots):
    """Kills a training before file operations, one after the other, resumes it each time, and compares it."""
    kills, problems = [], []
    for operation in operations:
        watch = Watch(folder / "run" / "out", 1, kill, glob.escape(operation))
        ended = child.train(folder / "run", words(settings, dataset, RESUME), watch, plots=plots)
        problems += check_killed(folder, ended)
        if ended.code != KILLED:
            break  # it is complete: the operation was that of an epoch that needed no repetition
        kills.append(operation)
    problems += finish(folder, undisturbed, words(settings, dataset, RESUME), plots)
    return report("before operations", settings, kills, problems)


def kill_at_random(folder, dataset, seed):
    """Trains with random settings; kills it at random moments, resumes it each time, and compares it in the end."""
    rng = random.Random(seed)
    settings = draw_settings(rng)
    command = words(settings, dataset)
    seen, seconds, problems, refusal = train_undisturbed(folder / "undisturbed", command, plots=False)
    if not seen:
        return report(f"random {seed}", settings, [], problems, refusal)
    kills = []
    for _ in range(rng.randint(2, KILLS)):
        at = rng.randint(1, len(seen)) if rng.random() < 0.5 else None
        watch = Watch(folder / "run" / "out", at=at, action=kill)
        command = words({**settings, "workers": rng.choice((1, 2, 4))}, dataset, RESUME)
        ended = child.train(folder / "run", command, watch, after=None if at else rng.uniform(0, seconds), plots=False)
        problems += check_killed(folder, ended)
        if ended.code != KILLED:
            break
        kills.append(OPERATION if at else MOMENT)
    problems += finish(folder, folder / "undisturbed", words(settings, dataset, RESUME), plots=False)
    return report(f"random {seed}", settings, kills, problems)


def check_killed(folder, ended):
    """Returns a line for each problem right after a kill: how it ended, files that are not whole."""
    problems = [] if ended.code in (0, KILLED) and not ended.is_late else [f"code {ended.code}: {ended.last_lines()}"]
    return problems + [f"after a kill, {line}" for line in damaged_files(folder / "run" / "out")]


def finish(folder, undisturbed, command, plots=True):
    """Resumes a training to its end and compares it; removes its folder if it is as it should be."""
    ended = child.train(folder / "run", command, plots=plots)
    problems = [f"resumed: code {ended.code}: {ended.last_lines()}"] if ended.code or ended.is_late else []
    outputs = folder / "run" / "out", undisturbed / "run" / "out"
    problems += differences(*outputs) if all(path.is_dir() for path in outputs) else ["no files"]
    if not problems:
        shutil.rmtree(folder)
    return problems


def figures(results: list[dict]) -> dict:
    """Summarizes the results of `plan`: numbers of trainings and kills, and which files were about to change."""
    kills = collections.Counter(kill for result in results for kill in result["kills"])
    return {
        "kills": kills.total(),
        "before a file operation": kills.total() - kills[MOMENT],
        "of these, different operations of the simple training": len(kills.keys() - {OPERATION, MOMENT}),
        "at a random moment": kills[MOMENT],
        "trainings": len(results),
        "with random settings": sum(
            bool(result["kills"]) and result["name"].startswith("random") for result in results
        ),
        "with random settings that are refused or diverge": sum(bool(result["refusal"]) for result in results),
        "different from the undisturbed training": sum(bool(result["problems"]) for result in results),
        "refusals": {result["name"]: result["refusal"] for result in results if result["refusal"]},
    }
