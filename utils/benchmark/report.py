"""Benchmark report: summary, table and figure of measured networks."""

from collections.abc import Sequence

from utils.files import atomic_write

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


def number(value: float | None, factor: float = 1) -> str:
    """Formats `factor * value` with three significant digits, or as a whole number from 100 on; None as "-"."""
    if value is None:
        return "-"
    value *= factor
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def summary(result: dict) -> str:
    """Formats a result of `measure.measure_network` as lines of text."""
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


def speed_table(results: Sequence[dict]) -> str:
    """Formats results of `measure.measure_network`, at least one, as a Markdown table below a line on the machine."""
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


def plot_speed(path, results: Sequence[dict]):
    """Draws inference images per second over millions of parameters, a numbered point per network.

    Args:
        path: of the PNG.
        results: results of `measure.measure_network`, at least one.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots()
    points = [(row["parameters"] / 1e6, row["inference_images_per_second"]) for row in results]
    plot_numbered(axes, points, [row["model"] for row in results])
    first = results[0]
    size = f"{first['crop_height']}x{first['crop_width']}"
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="Trainable parameters, millions",
        ylabel="Inference, images/s",
        title=f"Speed and size, {size}, batches of {first['batch_size']}, {first['mixed_precision']}",
    )
    axes.margins(0.1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, which="both")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def plot_numbered(axes, points: Sequence[tuple[float, float]], names: Sequence[str]):
    """Draws points as their numbers, with a legend of the names on the right.

    Args:
        axes: of matplotlib.
        points: `(x, y)` in the units of the axes.
        names: of the points.
    """
    for number, (point, name) in enumerate(zip(points, names), 1):
        size = 7 if number < 10 else 11  # a marker of two digits is as wide as one of a single digit
        axes.plot(*point, color=f"C{number}", marker=f"${number}$", markersize=size, linestyle="", label=name)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
