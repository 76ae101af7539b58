"""Checks of the functions that students write.

A grader is a plain function that takes the student's function and raises `AnswerError` with a hint. Notebooks, pytest,
otter-grader and nbgrader call the same ones:

    confusion_matrix = check(confusion_matrix)           # in a lab: prints the hint or "right"
    grade_function("confusion_matrix", function)         # elsewhere: raises AnswerError
    python -m labs.checks submission.py                  # scores a file of functions
"""

import functools
import importlib
import pathlib
import runpy
import sys
from collections.abc import Callable

TASKS = {  # function that a student writes -> the module of labs.graders that has its grader, in the order of the labs
    "confusion_matrix": "scores",
    "class_iou": "scores",
    "mean_iou": "scores",
    "output_size": "structure",
    "resize_bilinear": "structure",
    "merge": "structure",
    "conv_cost": "frontends",
    "separable_cost": "frontends",
    "pareto_front": "frontends",
    "effective_kernel": "receptive_field",
    "receptive_field": "receptive_field",
    "coverage": "receptive_field",
    "fc_densenet_parameters": "decoders",
    "border_band": "decoders",
    "operations_by_stride": "streams",
    "stream_bytes": "streams",
    "cross_entropy": "losses",
    "median_frequency_weights": "losses",
    "soft_dice": "losses",
    "average_hash": "splits",
    "share_with_twin": "splits",
    "split_by_drive": "splits",
    "agreement": "deployment",
    "latency": "deployment",
    "quantize": "deployment",
    "build_network": "your_network",
    "epochs_within": "your_network",
    "model_card": "your_network",
}


class AnswerError(Exception):
    """The student's function is wrong; the message is a hint."""


def grade_function(name: str, function: Callable) -> None:
    """Grades a function.

    Args:
        name: a key of `TASKS`.
        function: the student's.

    Raises:
        AnswerError: with a hint that names the mistake.
    """
    if not callable(function):
        raise AnswerError("not a function")
    grader = getattr(importlib.import_module(f"labs.graders.{TASKS[name]}"), f"grade_{name}")
    try:
        grader(guarded(name, function))
    except NotImplementedError as error:
        raise AnswerError("not written yet") from error


def guarded(name: str, function: Callable) -> Callable:
    """Wraps a student's function, so that its exceptions, and a missing result, become hints."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            result = function(*args, **kwargs)
        except (NotImplementedError, KeyboardInterrupt, SystemExit, AnswerError):
            raise
        except Exception as error:
            raise AnswerError(f"raises {type(error).__name__}: {error}") from error
        if result is None:
            raise AnswerError("returns nothing; is there a `return`")
        return result

    return call


def check(function: Callable) -> Callable:
    """Checks a function in a lab and says whether it is right.

    Returns:
        The function if it is right; otherwise the reference solution, so that the rest of the lab works.

    Raises:
        AnswerError: if the function is wrong and this copy of the labs has no solutions.
    """
    name = function.__name__
    try:
        grade_function(name, function)
    except AnswerError as wrong:
        try:
            solution = getattr(importlib.import_module(f"labs.solutions.{TASKS[name]}"), name)
        except ModuleNotFoundError:
            raise wrong from None
        print(f"{name}: {wrong}. The reference solution is used below.")
        return solution
    print(f"{name}: right")
    return function


def grade_file(path: str | pathlib.Path) -> dict[str, str | None]:
    """Grades the functions of a Python file that `TASKS` names, in this process.

    Returns:
        Dict from the name of a function to its hint, or None if it is right.
    """
    namespace, hints = runpy.run_path(str(path)), {}
    for name in [name for name in TASKS if name in namespace]:
        try:
            grade_function(name, namespace[name])
            hints[name] = None
        except AnswerError as wrong:
            hints[name] = str(wrong)
    return hints


def main(argv=None) -> int:
    """Grades the file that the command line names; the exit code is the number of wrong functions, at most 100."""
    argv = sys.argv[1:] if argv is None else argv
    hints = grade_file(argv[0])
    for name, hint in hints.items():
        print(f"{name}: {hint or 'right'}")
    print(f"{sum(hint is None for hint in hints.values())} of {len(hints)} right")
    return min(100, sum(hint is not None for hint in hints.values())) if hints else 1


if __name__ == "__main__":
    sys.exit(main())
