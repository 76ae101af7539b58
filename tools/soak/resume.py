"""Trainings resumed with other settings, or after SIGTERM at random moments."""

import itertools
import pathlib
import random
import shutil
import signal
from collections.abc import Iterator

from tools.soak import child
from tools.soak.compare import read_log
from tools.soak.kills import KILLED, RESUME, finish, report, train_undisturbed
from tools.soak.operations import Watch, kill
from tools.soak.settings import draw_settings, simple_settings, words
from utils.cli.choices import SCHEDULES
from utils.errors import INTERRUPTED

CHANGES = (
    {"batch_size": 2},
    {"batch_size": 8},
    {"steps_per_epoch": 3},
    {"num_epochs": 5},
    {"num_epochs": 3, "batch_size": 1},
)
EPOCHS = 4
CLOSE = 1e-5  # relative difference of equal learning rates


def plan(work: pathlib.Path, dataset: pathlib.Path, seed: int) -> Iterator[tuple]:
    """Yields calls, as `(function, arguments)`: other settings, then SIGTERM. Arguments as of `kills.plan`."""
    rng = random.Random(seed)
    cases = [*itertools.product(SCHEDULES, CHANGES, (0.0, 0.5), (True, False))]
    rng.shuffle(cases)
    for number in itertools.count():
        if number < len(cases):
            yield change_settings, (work / f"changed_{number}", dataset, *cases[number], rng.random())
        yield terminate, (work / f"terminated_{number}", dataset, f"{seed}-{number}")


def change_settings(folder, dataset, schedule, change, warm_up, is_between, moment):
    """Interrupts a training between epochs or within one, resumes it with other settings, checks learning rates."""
    settings = {**simple_settings(), "num_epochs": EPOCHS, "schedule": schedule, "warm_up": warm_up}
    name = f"{schedule}, warm-up {warm_up:g}, {'between' if is_between else 'within'} epochs: {change}"
    out = folder / "run" / "out"
    if is_between:
        watch, options = Watch(out, 2, kill, "rename */log.csv"), {}  # the second epoch's
    else:
        watch, options = Watch(out), {"signal_number": signal.SIGTERM, "after": 3 * moment}
    ended = child.train(folder / "run", words(settings, dataset), watch, plots=False, **options)
    problems = [] if ended.code in (0, KILLED, -signal.SIGTERM, INTERRUPTED) else [f"first: {ended.last_lines()}"]
    interrupted = int(ended.text.rpartition("Stopped in epoch ")[2].split()[0]) if "Stopped in" in ended.text else -1
    ended = child.train(folder / "run", words({**settings, **change}, dataset, RESUME), plots=False)
    whole = child.train(folder / "whole", words({**settings, **change}, dataset), plots=False)
    if ended.code or whole.code or ended.is_late:
        is_refused = not whole.code and ended.is_clear()
        problems += [] if is_refused else [f"resumed: code {ended.code}: {ended.last_lines()}"]
    else:
        problems += compare_rates(*(next(path.rglob("log.csv")) for path in (out, folder / "whole")), interrupted)
    return done(folder, name, settings, problems)


def compare_rates(path, other, interrupted):
    """Returns a line for each epoch after the interrupted one whose learning rate is not as without interruption."""
    lines, rows, others = [], read_log(path), read_log(other)
    if len(rows) != len(others):
        return [f"{len(rows)} epochs in the log in place of {len(others)}"]
    for row, wanted in zip(rows, others):
        rate, right = float(row["learning_rate"]), float(wanted["learning_rate"])
        is_after = int(row["epoch"]) > max(interrupted, 1)  # two epochs were trained with the first settings
        if is_after and abs(rate - right) > CLOSE * right:
            lines.append(f"epoch {row['epoch']}: learning rate {rate:.6g} in place of {right:.6g}")
    return lines


def terminate(folder, dataset, seed):
    """Sends SIGTERM at a random moment of a training with random settings, resumes it and compares it."""
    rng = random.Random(f"terminate {seed}")
    settings = draw_settings(rng)
    command = words(settings, dataset)
    seen, seconds, problems, refusal = train_undisturbed(folder / "undisturbed", command, plots=False)
    if not seen:
        return report(f"SIGTERM {seed}", settings, [], problems, refusal)
    options = {"signal_number": signal.SIGTERM, "after": rng.uniform(0, seconds), "plots": False}
    ended = child.train(folder / "run", words(settings, dataset), Watch(folder / "run" / "out"), **options)
    if ended.code not in (0, INTERRUPTED, -signal.SIGTERM) or ended.has_traceback():
        problems.append(f"code {ended.code}: {ended.last_lines()}")
    problems += finish(folder, folder / "undisturbed", words(settings, dataset, RESUME), plots=False)
    return report(f"SIGTERM {seed}", settings, ["SIGTERM"] * (ended.code != 0), problems)


def done(folder, name, settings, problems):
    """Returns the report of a case, and removes its folder if all is well."""
    if not problems:
        shutil.rmtree(folder)
    return report(name, settings, [], problems)


def figures(results: list[dict]) -> dict:
    """Summarizes the results of `plan`."""
    terminated = [result for result in results if result["name"].startswith("SIGTERM")]
    return {
        "resumed with other settings": len(results) - len(terminated),
        "resumed after SIGTERM": sum(len(result["kills"]) for result in terminated),
        "not as promised": sum(bool(result["problems"]) for result in results),
    }
