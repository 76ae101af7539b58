"""Measure how fast a network trains and predicts on this machine, and how much memory it takes.

    python benchmark.py --model DeepLabV3_plus --frontend ResNet101 --crop_height 512 --crop_width 512
    python benchmark.py --all --output_dir speed

Images are random and the same again and again, so that only the network counts. See `python benchmark.py --help`.
"""

import json
import pathlib
import sys
import time

from models import MODELS
from utils.backend import import_backend
from utils.benchmark.report import in_fresh_process, plot_speed, speed_table, summary
from utils.cli.arguments import benchmark_parser, parse, train_parser
from utils.cli.checks import check_network
from utils.errors import RunError, UsageError, memory_errors, report_errors
from utils.training.build import build_training_model, output_names

# What the fresh process runs; not from the current folder, whose files may have any names.
PROGRAM = ("-P", "-c", "import benchmark; benchmark.measure_here()")
MOST_CLASSES = 254  # a label is a byte, and 255 is ignored


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, given = parse(benchmark_parser(), argv)
    from utils.evaluation.reports import make_folder

    settings = {name: value for name, value in vars(args).items() if name not in ("all", "json", "output_dir")}
    if args.all and "model" in given:
        raise UsageError("--all measures every network; leave out --model")
    if args.output_dir and not args.all:
        raise UsageError(
            "--output_dir is for the table and the picture of --all; one network's results go to --json FILE"
        )
    if args.num_classes > MOST_CLASSES:
        raise UsageError(
            f"--num_classes {args.num_classes}: a label image can tell at most {MOST_CLASSES} classes apart"
        )
    if args.dataset:
        from tools.datasets.builtin import find_or_make_dataset
        from utils.data.folder import list_pairs, read_classes

        dataset = find_or_make_dataset(args.dataset).resolve()
        read_classes(dataset)  # what is wrong with it shows now
        list_pairs(dataset, "train")
        settings["dataset"] = str(dataset)
    folder = make_folder(args.output_dir) if args.output_dir else None
    # Standard output is all JSON if that was asked for.
    text = sys.stderr if args.json == "-" else sys.stdout
    if not args.all:
        result = measure(settings, text)
        print(summary(result), file=text)
        write_results(args.json, result)
        return 0
    results = measure_all(settings, text)
    measured = [result for result in results if "error" not in result]
    if measured:
        print(f"\n{speed_table(measured)}", file=text)
    write_results(args.json, results)
    if folder and measured:
        write_overview(folder, measured, text)
    if len(measured) < len(results):
        failed = [f"{result['model']}: {result['error']}" for result in results if "error" in result]
        raise RunError(f"{len(failed)} of {len(results)} networks could not be measured; {'; '.join(failed)}")
    return 0


def measure(settings, text):
    """Measures one network in a process of its own.

    Args:
        settings: dict of the flags.
        text: file for a line that says what is going on.

    Returns:
        Dict, see `utils.benchmark.measure.measure`.

    Raises:
        UsageError, RunError: if that is not possible.
    """
    check_network(*(settings[key] for key in ("model", "frontend", "output_stride", "crop_height", "crop_width")))
    on_frontend = f" on {settings['frontend']}" if MODELS[settings["model"]].frontend else ""
    print(f"Measuring {settings['model']}{on_frontend} ...", file=text, flush=True)
    return in_fresh_process(PROGRAM, settings)


def measure_all(settings, text):
    """Measures every network, one after another.

    Returns:
        List of the results of `measure`, in the order of `MODELS`; for a network that failed, a dict of "model",
        "frontend" and "error".
    """
    results = []
    for name in MODELS:
        try:
            results.append(measure({**settings, "model": name}, text))
        except (UsageError, RunError) as error:
            frontend = settings["frontend"] if MODELS[name].frontend else None
            results.append({"model": name, "frontend": frontend, "error": str(error)})
            print(f"{name} failed: {error}", file=text, flush=True)
    return results


@report_errors
def measure_here(_=None):
    """Measures in this process, which must be fresh: reads settings from standard input, prints JSON as the last line.

    The network is the one that train.py trains: its heads, losses, metrics, optimizer and arithmetic.
    """
    settings = {**vars(train_parser().parse_args([])), **json.load(sys.stdin)}
    times = [time.perf_counter()]
    import_backend()
    from utils.benchmark import measure as speed

    times.append(time.perf_counter())
    with memory_errors():
        model = build_training_model(settings, None, 1)
        times.append(time.perf_counter())
        batch = speed.random_batch(settings, output_names(settings))
        speed.train(model, batch, 1)
        times.append(time.perf_counter())
        print(json.dumps(speed.measure(model, batch, settings, times)))


def write_results(target, results):
    """Writes JSON to the file `target`, or to standard output for "-"; nowhere for None."""
    if target == "-":
        print(json.dumps(results, indent=2, ensure_ascii=False))
    elif target:
        from utils.evaluation.reports import write_json

        write_json(pathlib.Path(target), results)


def write_overview(folder, results, text):
    """Writes the table and the picture of several networks."""
    from utils.evaluation.reports import write_text

    write_text(folder / "speed.md", speed_table(results) + "\n")
    plot_speed(folder / "speed.png", results)
    print(f"\nWrote {folder / 'speed.md'} and {folder / 'speed.png'}", file=text)


if __name__ == "__main__":
    sys.exit(main())
