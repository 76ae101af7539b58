"""Report of a test or a training: the header of its page, and report.html."""

import pathlib
import shlex
import sys
import time
from collections.abc import Sequence

from models import MODELS
from utils.class_dict import ClassDict
from utils.errors import first_line
from utils.evaluation.evaluate import Evaluation
from utils.evaluation.result_folder import REPORT
from utils.report.collect import Collector
from utils.report.page import report_data, write_report


def command_line(program: str, argv: Sequence[str] | None) -> str:
    """Returns a command as typed in a shell; `argv` None stands for the words of this process."""
    return shlex.join(["python", program, *(sys.argv[1:] if argv is None else argv)])


def network_name(model: str, frontend: str | None) -> str:
    """Names a network, with its frontend if it has one, such as "custom on MobileNet"."""
    has_frontend = frontend and model in MODELS and MODELS[model].frontend
    return f"{model} on {frontend}" if has_frontend else model


def describe_test(record: dict, network: str, images: int, command: str) -> dict[str, str]:
    """Describes a test for the header of its page.

    Args:
        record: settings of the test, as in scores.json.
        network: its name.
        images: number of images.
        command: line that was typed.
    """
    epoch = record["checkpoint"]["epoch"]
    return {
        "network": network,
        "dataset": f"{record['dataset']}, {images} {record['split']} images",
        "checkpoint": record["checkpoint_path"] + ("" if epoch is None else f", after epoch {epoch}"),
        "command": command,
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "versions": _listed(record["versions"]),
    }


def describe_run(settings: dict, epoch: int, images: int) -> dict[str, str]:
    """Describes a training for the header of its page.

    Args:
        settings: of the run.
        epoch: the last one, which was validated.
        images: number of validation images.
    """
    return {
        "network": network_name(settings["model"], settings.get("frontend")),
        "dataset": f"{settings['dataset_path']}, {images} validation images",
        "epoch": f"{epoch}, the last of {settings['num_epochs']} is {settings['num_epochs'] - 1}",
        "command": command_line("train.py", None),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "versions": _listed(settings["versions"]),
    }


def write_page(
    folder: pathlib.Path,
    title: str,
    about: dict[str, str],
    evaluation: Evaluation,
    scores: dict,
    class_dict: ClassDict,
    collector: Collector,
    log: Sequence[dict] = (),
) -> bool:
    """Writes report.html. A problem is a warning: it ends neither a test nor a training.

    Args:
        folder: for the file.
        title: of the page.
        about: see `report_data`.
        evaluation: of `evaluate`, with `collector` as its `observe`.
        scores: of its confusion matrix.
        class_dict: `ClassDict`.
        collector: with the measures and the images.
        log: rows of log.csv.

    Returns:
        Whether the file is written.
    """
    problem = collector.problem
    if not problem:
        try:
            matrix = evaluation.confusion.matrix
            data = report_data(title, about, scores, matrix, class_dict, collector.measures(), collector.images(), log)
            write_report(folder / REPORT, data)
        except Exception as error:  # the results are worth more than their page
            problem = first_line(error) or type(error).__name__
    if problem:
        print(f"warning: {REPORT} is not written ({problem}); the other results are complete", file=sys.stderr)
    return not problem


def _listed(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())
