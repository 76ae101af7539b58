"""Measure training and inference speed and memory of a network on this machine.

    python benchmark.py --model DeepLabV3_plus --frontend ResNet101 --crop_height 512 --crop_width 512
    python benchmark.py --all --output_dir speed

Images are random and always the same, so that only the network is measured. See `python benchmark.py --help`.
"""

import json
import pathlib
import sys

from models import MODELS
from utils.benchmark.process import PROGRAM, run_in_process
from utils.benchmark.report import plot_speed, speed_table, summary
from utils.cli import benchmark_parser, parse
from utils.cli.checks import check_benchmark, check_network
from utils.errors import RunError, UsageError, report_errors


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, explicit = parse(benchmark_parser(), argv)
    check_benchmark(args, explicit)
    settings = measurement_settings(args)
    from utils.files import make_folder

    folder = make_folder(args.output_dir) if args.output_dir else None
    # With --json - standard output is JSON alone.
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
        errors = [f"{result['model']}: {result['error']}" for result in results if "error" in result]
        raise RunError(f"{len(errors)} of {len(results)} networks could not be measured; {'; '.join(errors)}")
    return 0


def measurement_settings(args):
    """Returns the flags of the measurement as a dict, with the absolute path of the dataset, which is checked."""
    settings = {name: value for name, value in vars(args).items() if name not in ("all", "json", "output_dir")}
    if args.dataset:
        from tools.datasets.builtin import find_or_make_dataset
        from utils.data.folder import list_pairs, read_classes

        dataset = find_or_make_dataset(args.dataset).resolve()
        read_classes(dataset)  # reports problems before the measurement
        list_pairs(dataset, "train")
        settings["dataset"] = str(dataset)
    return settings


def measure(settings, text):
    """Measures a network in a fresh process.

    Args:
        settings: dict of the flags.
        text: file for a line of progress.

    Returns:
        Dict, see `utils.benchmark.measure.measure_network`.

    Raises:
        UsageError, RunError: if the network cannot be measured.
    """
    check_network(*(settings[key] for key in ("model", "frontend", "output_stride", "crop_height", "crop_width")))
    on_frontend = f" on {settings['frontend']}" if MODELS[settings["model"]].frontend else ""
    print(f"Measuring {settings['model']}{on_frontend} ...", file=text, flush=True)
    return run_in_process(PROGRAM, settings)


def measure_all(settings, text):
    """Measures every network in turn.

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


def write_results(target, results):
    """Writes results as JSON to the file `target`, to standard output for "-", or nowhere for None."""
    if target == "-":
        print(json.dumps(results, indent=2, ensure_ascii=False))
    elif target:
        from utils.files import write_json

        write_json(pathlib.Path(target), results)


def write_overview(folder, results, text):
    """Writes the table and the figure of several networks."""
    from utils.files import write_text

    write_text(folder / "speed.md", speed_table(results) + "\n")
    plot_speed(folder / "speed.png", results)
    print(f"\nWrote {folder / 'speed.md'} and {folder / 'speed.png'}", file=text)


if __name__ == "__main__":
    sys.exit(main())
