"""What benchmark.py does without Keras: a fresh process for each network, and its numbers for people to read."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

from utils.errors import RunError, UsageError
from utils.files import atomic_write

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSES = 3  # a training step costs about three forward passes: backward is one for the features, one for the weights
ERROR_LINE = re.compile(r"(error|[\w.]*(?:Error|Exception)): ")
COLUMNS = {
    "network": lambda row: f"`{row['model']}`",
    "parameters, M": lambda row: f"{row['parameters'] / 1e6:.1f}",
    "GFLOPs": lambda row: number(row["gflops_per_image"]),
    "training, images/s": lambda row: number(row["training_images_per_second"]),
    "inference, images/s": lambda row: number(row["inference_images_per_second"]),
    "latency, ms: median": lambda row: number(row["latency_ms_median"]),
    "p95": lambda row: number(row["latency_ms_p95"]),
    "of the peak, %: training": lambda row: number(row["training_share_of_peak"], 100),
    "inference": lambda row: number(row["inference_share_of_peak"], 100),
    "memory, MiB": lambda row: number(row["device_memory_mib"] or row["peak_memory_mib"]),
    "cold start, s": lambda row: number(row["cold_start_seconds"]),
}


def in_fresh_process(program, settings):
    """Runs a Python program that reads `settings` as JSON and prints its result as JSON in the last line.

    Args:
        program: arguments of the interpreter.
        settings: dict.

    Returns:
        Dict.

    Raises:
        UsageError, RunError: with the program's last error.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *program],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode < 0:
        raise RunError(
            f"the process was killed by signal {-done.returncode}, which is how a machine without enough memory ends "
            "it; lower --batch_size or the crop"
        )
    raise (UsageError if done.returncode == UsageError.exit_code else RunError)(last_error(done.stderr))


def last_error(text):
    """The line of standard error that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()] or ["no message"]
    line = next((line for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1])
    return line.removeprefix("error: ")


def quantile(values, share):
    """The value below which a share of the values lies, between neighbors in proportion; 0.5 gives the median.

    Args:
        values: iterable of floats, not empty.
        share: float in 0..1.

    Returns:
        float.
    """
    values = sorted(values)
    position = share * (len(values) - 1)
    below = int(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (position - below) * (values[above] - values[below])


def seconds_of(action, times):
    """List of `times` floats, the seconds that each call of `action` took."""
    marks = [time.perf_counter()]
    for _ in range(times):
        action()
        marks.append(time.perf_counter())
    return [after - before for before, after in zip(marks, marks[1:])]


def number(value, factor=1):
    """`factor * value` with three digits or all before the point; "-" for None."""
    if value is None:
        return "-"
    value *= factor
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def summary(result):
    """The result of `measure.measure` as lines of text."""
    r = {key: number(value) if value is None or isinstance(value, float) else value for key, value in result.items()}
    versions = ", ".join(f"{name} {version}" for name, version in r["versions"].items() if name not in r["device"])
    shares = [number(result[f"{kind}_share_of_peak"], 100) for kind in ("training", "inference")]
    name = r["model"] + (f" on {r['frontend']}" if result["frontend"] else "")
    lines = {
        "machine": f"{r['device']}; {r['cpu_cores']} CPU cores; {versions}",
        "network": f"{name}, {r['crop_height']}x{r['crop_width']}, {r['num_classes']} classes",
        "arithmetic": f"{r['mixed_precision']}, {'with' if r['jit_compile'] else 'without'} XLA"
        f"{', features rematerialized' if r['remat'] else ''}",
        "batches": f"of {r['batch_size']}; {r['rounds']} rounds of {r['training_steps']} training steps and of "
        f"{r['inference_steps']} predictions; the median round counts",
        "parameters": f"{result['parameters']:,} trainable",
        "computation": f"{r['gflops_per_image']} GFLOPs per image",
        "cold start": f"{r['cold_start_seconds']} s: imports {r['import_seconds']} s, network {r['build_seconds']} s, "
        f"first training step {r['first_step_seconds']} s",
        "training": f"{r['training_images_per_second']} images/s",
        "inference": f"{r['inference_images_per_second']} images/s",
        "latency": f"{r['latency_ms_median']} ms median, {r['latency_ms_p95']} ms 95th percentile, of a whole batch",
        "achieved": f"training {r['training_gflops_per_second']} GFLOP/s ({shares[0]} % of the peak), "
        f"inference {r['inference_gflops_per_second']} GFLOP/s ({shares[1]} %)",
        "peak": f"{r['matmul_peak_gflops_per_second']} GFLOP/s, the fastest square matrix product",
        "memory": f"at most {r['peak_memory_mib']} MiB of the machine, {r['device_memory_mib']} MiB of an accelerator",
        "scoring": f"{r['scoring_ms_per_image']} ms per image of 512x512 and 32 classes",
    }
    if "input_images_per_second" in r:
        lines["input"] = (
            f"{r['input_images_per_second']} images/s with {r['workers']} workers, "
            f"{r['input_cached_images_per_second']} images/s with --cache"
        )
    return "\n".join(f"  {key:13}{value}" for key, value in lines.items())


def speed_table(results):
    """Several results of `measure.measure` as a Markdown table, below a line about the machine.

    Args:
        results: list of dicts, not empty.
    """
    first = results[0]
    lines = [
        f"{first['device']}; {first['cpu_cores']} CPU cores; {first['crop_height']}x{first['crop_width']}, batches of "
        f"{first['batch_size']}, {first['mixed_precision']}; frontend, where there is one: "
        f"{next((row['frontend'] for row in results if row['frontend']), '-')}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    lines += [f"| {' | '.join(cell(row) for cell in COLUMNS.values())} |" for row in results]
    return "\n".join(lines)


def plot_speed(path, results):
    """Draws inference images per second over millions of parameters, a point for each network.

    Args:
        path: of the PNG.
        results: list of dicts of `measure.measure`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    points = [(row["parameters"] / 1e6, row["inference_images_per_second"]) for row in results]
    axes.scatter(*zip(*points))
    first = results[0]
    size = f"{first['crop_height']}x{first['crop_width']}"
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="Trainable parameters, millions",
        ylabel="Inference, images/s",
        title=f"Speed and size, {size}, batches of {first['batch_size']}, {first['mixed_precision']}",
    )
    axes.margins(0.12)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, which="both")
    save_with_names(path, axes, points, [row["model"] for row in results], dpi=120)


def save_with_names(path, axes, points, names, dpi):
    """Writes a figure as PNG, with a name beside each point. Arguments as `label_points`, and dots per inch."""
    axes.figure.draw_without_rendering()  # only then is it known where the points are
    label_points(axes, points, names)
    with atomic_write(path) as temporary:
        axes.figure.savefig(temporary, format="png", dpi=dpi)


def label_points(axes, points, names):
    """Writes a name beside each point, inside the axes and covering no point and no other name where that can be.

    Args:
        axes: drawn `matplotlib` axes.
        points: list of `(x, y)` in the axes' units.
        names: list of str.
    """
    from matplotlib.transforms import Bbox

    frame = axes.get_window_extent()
    dots = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in axes.transData.transform(points)]
    taken, places = list(dots), [(x, y) for step in range(0, 80, 10) for y in (step, -step) for x in (7, -7)]
    for name, point in zip(names, points):
        for x, y in places:
            text = axes.annotate(
                name,
                point,
                (x, y),
                textcoords="offset points",
                fontsize=8,
                va="center",
                ha="left" if x > 0 else "right",
            )
            box = text.get_window_extent()
            is_inside = frame.x0 < box.x0 and box.x1 < frame.x1
            if is_inside and not any(box.overlaps(other) for other in taken) or (x, y) == places[-1]:
                break
            text.remove()
        if y:
            line = {"arrowstyle": "-", "linewidth": 0.4, "color": "gray"}
            axes.annotate("", point, (x, y), textcoords="offset points", arrowprops=line)
        taken.append(box)


def cpu_cores():
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def process_memory():
    """The most memory, in MiB, that this process has had so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
