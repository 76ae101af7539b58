"""Repeats a recorded experiment, trains and tests a network, and compares the scores with the recorded ones.

    python tools/reproduce.py camvid_custom_mobilenet --frontend_weights mobilenet_1_0_224_tf_no_top.h5

The experiments are JSON files in tools/results/experiments/; tools/results/records.py describes them. An interrupted
training is resumed when the command is given again.
"""

import json
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools import ROOT, run_command
from tools.results.records import experiment_names, read_experiment, training_flags, write_experiment
from utils.benchmark.timing import machine_info
from utils.cli import Parser
from utils.errors import RunError, report_errors
from utils.settings import read_checkpoint

SCORES = ("mean_iou", "global_accuracy")
HISTORY_TABLE = "fine_tuning"  # the table that shows loss and mean IoU of each epoch


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/reproduce.py", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help="an experiment; without it, all are listed")
    parser.add_argument("--dataset", help="name or path of the dataset; default: that of the experiment")
    parser.add_argument("--frontend_weights", help="path of the pretrained weights, if they cannot be downloaded")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the trainings; results of others than 0 stand beside"
    )
    parser.add_argument("--output_dir", default="reproduced", help="folder for checkpoints, scores and images")
    parser.add_argument("--record", action="store_true", help="write the result into the experiment's file")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    if args.name is None:
        print("\n".join(f"{name}: {read_experiment(name)['about']}" for name in experiment_names()))
        return 0
    experiment, folder = read_experiment(args.name), pathlib.Path(args.output_dir)
    replacements = {"imagenet": args.frontend_weights, training_flags(args.name)["dataset"]: args.dataset}
    checkpoint, epochs = train(args.name, folder, replacements, args.seed)
    output = output_folder(folder, args.name, args.seed) / "test"
    dataset = {"dataset": args.dataset} if args.dataset else {}
    run_command("test.py", {**experiment["test"], **dataset, "checkpoint_path": checkpoint, "output_dir": output})
    result = read_result(output, checkpoint, epochs, experiment.get("table") == HISTORY_TABLE)
    if args.record:
        write_experiment(args.name, with_result(experiment, result, args.seed))
        print(f"Recorded: {', '.join(f'{name} {100 * result[name]:.2f} %' for name in SCORES)}")
    else:
        compare(experiment, result)
    return 0


def train(name, folder, replacements, seed):
    """Trains the network of an experiment, resumes its training, or does nothing if it is complete.

    Args:
        name: str, of the experiment.
        folder: `pathlib.Path`, with a folder for each experiment.
        replacements: dict from the name of the dataset, and from "imagenet", to paths for them, or None.
        seed: int, of the trainings.

    Returns:
        `(checkpoint, epochs)`: `pathlib.Path`, and the log rows of all trainings that led to it, a list of dicts.
    """
    experiment, earlier = read_experiment(name), []
    flags = experiment["train"]
    if isinstance(flags, str):
        return train(flags, folder, replacements, seed)
    if flags.get("init_from") in experiment_names():
        start, earlier = train(flags["init_from"], folder, replacements, seed)
        flags = {**flags, "init_from": start}
    if "teacher" in experiment:
        dataset = replacements.get(flags["dataset"]) or flags["dataset"]
        teacher = dict(experiment["teacher"])
        if "experiment" in teacher:
            teacher["checkpoint"] = train(teacher["experiment"], folder, replacements, 0)[0].resolve()
        flags = {**flags, "soft_labels": make_soft_labels(teacher, folder, dataset)}
    flags, output = {**flags, "seed": seed} if seed else flags, output_folder(folder, name, seed)
    keys = [key for key in ("dataset", "frontend_weights") if key in flags]
    replaced = {key: replacements.get(flags[key]) or flags[key] for key in keys}
    run_command("train.py", {**flags, **replaced, "output_dir": output}, "--continue_training")
    (checkpoint,) = output.glob("latest_model_*.keras")
    _, state = read_checkpoint(checkpoint)
    return checkpoint, earlier + state["log"]


def output_folder(folder, name, seed):
    """Returns an experiment's folder in `folder`; each seed has one of its own."""
    return folder / (f"{name}_seed_{seed}" if seed else name)


def make_soft_labels(teacher, folder, dataset):
    """Writes a teacher's soft labels unless they are there.

    Args:
        teacher: dict, flags of tools/make_soft_labels.py, and "experiment" if one trained the checkpoint.
        folder: `pathlib.Path`, gets the folder of the soft labels; experiments with one teacher share it.
        dataset: str, name or path.

    Returns:
        `pathlib.Path` of the folder.
    """
    flags = {**teacher, "dataset": dataset}
    output = folder / f"soft_labels_{flags.pop('experiment', pathlib.Path(teacher['checkpoint']).stem)}"
    if not (output / "soft_labels.json").is_file():  # written last
        run_command(
            "tools/make_soft_labels.py", {**flags, "checkpoint": ROOT / teacher["checkpoint"], "output": output}
        )
    return output


def read_result(output, checkpoint, epochs, with_history=False):
    """Reads the result of a training and its test.

    Args:
        output: `pathlib.Path` of the test's folder.
        checkpoint: `pathlib.Path`.
        epochs: list of dicts, the log rows of all trainings that led to the checkpoint.
        with_history: bool, whether to include the loss and the validation mean IoU of each epoch.

    Returns:
        Dict: the scores (0..1), "class_iou" and "class_accuracy" (dicts from name to 0..1), "images" and
        "images_per_second" of the test, "epochs" and "train_minutes" of all trainings, "machine" and "versions"; maybe
        "history" of the last training (dict of lists: "loss", and "val_mean_iou" with None for epochs without
        validation).
    """
    scores = json.loads((output / "scores.json").read_text(encoding="utf-8"))
    settings, state = read_checkpoint(checkpoint)
    class_scores = {key: scores[key] for key in ("class_iou", "class_accuracy")}
    history = {key: [rounded(row.get(key)) for row in state["log"]] for key in ("loss", "val_mean_iou")}
    return {
        **{name: round(scores[name], 5) for name in SCORES},
        **{key: {name: rounded(value) for name, value in values.items()} for key, values in class_scores.items()},
        "images": scores["images"],
        "images_per_second": round(scores["images_per_second"] or 0, 2),
        "epochs": len(epochs),
        **({"history": history} if with_history else {}),
        "train_minutes": round(sum(row["seconds"] for row in epochs) / 60, 1),
        "machine": "{cpu}, {cores} cores".format_map(machine_info()),
        "versions": settings["versions"],
    }


def with_result(experiment, result, seed):
    """Returns an experiment with a new result; seed 0's is "result", others are in "repetitions" by seed."""
    if not seed:
        return {**experiment, "result": result}
    return {**experiment, "repetitions": {**experiment.get("repetitions", {}), str(seed): result}}


def rounded(number):
    """Rounds a number to four decimals; None stays None."""
    return None if number is None else round(number, 4)


def compare(experiment, result):
    """Prints the scores beside the recorded ones.

    Raises:
        RunError: if a score is below the recorded one by more than the tolerance.
    """
    before, tolerance, worse = experiment.get("result"), experiment["tolerance"], []
    for name in SCORES:
        print(f"{name:16} {100 * result[name]:6.2f} %" + (f"   recorded {100 * before[name]:6.2f} %" if before else ""))
        decrease = before[name] - result[name] if before else 0
        if decrease > tolerance:
            worse.append(f"{name} is {100 * decrease:.2f} points below the recorded one")
    if worse:
        raise RunError(f"{'; '.join(worse)}: more than {100 * tolerance:.2f}")


if __name__ == "__main__":
    sys.exit(main())
