"""Leaderboard of submitted networks: mean IoU on secret street scenes, parameters and latency.

    python labs/leaderboard.py submissions --seed 4711 --output leaderboard.html

A submission is a trained network, `anna.keras`, or a Python file, `ben.py`, whose `build_network(end_points,
num_classes)` is trained here. Each is scored in a process of its own with limits of time and memory. Python files run
with your rights: score those of people you do not know in a container.
"""

import html
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.benchmark.process import last_error
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_float, positive_int
from utils.errors import UsageError, report_errors
from utils.files import write_text

WORKER = pathlib.Path(__file__).resolve().with_name("leaderboard_worker.py")
POLL_SECONDS = 0.2
MESSAGE_LENGTH = 200  # characters of an error on the page
COLUMNS = ("", "submission", "mean IoU", "parameters", "one image", "remark")
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Leaderboard</title>
<style>body{{font:16px system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}}
table{{border-collapse:collapse;width:100%}}td,th{{padding:.4rem .6rem;text-align:left;border-bottom:1px solid #8884}}
td.number{{text-align:right;font-variant-numeric:tabular-nums}}tr.failed{{opacity:.6}}</style>
<h1>Leaderboard</h1><p>{about}</p><table><tr>{header}</tr>
{rows}
</table></html>
"""


def build_parser():
    """The command's flags."""
    parser = Parser(prog="labs/leaderboard.py", description=__doc__.splitlines()[0])
    parser.add_argument("submissions", help="folder with files such as anna.keras and ben.py")
    parser.add_argument("--seed", type=nonnegative_int, required=True, help="secret seed of the street scenes")
    parser.add_argument("--images", type=positive_int, default=60, help="number of street scenes")
    parser.add_argument("--epochs", type=positive_int, default=12, help="epochs that Python files are trained for")
    parser.add_argument("--max_parameters", type=positive_int, default=5_000_000, help="limit of parameters")
    parser.add_argument("--minutes", type=positive_float, default=15.0, help="limit of time for each submission")
    parser.add_argument("--memory", type=positive_float, default=6.0, help="limit of memory for each submission, GiB")
    parser.add_argument("--output", default="leaderboard.html", metavar="FILE", help="page to write")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    folder = pathlib.Path(args.submissions)
    files = sorted(path for path in folder.glob("*") if path.suffix in (".py", ".keras"))
    if not files:
        raise UsageError(f"{folder} has no submissions; it needs files such as anna.keras or ben.py")
    with tempfile.TemporaryDirectory() as temporary:
        scenes = draw_scenes(pathlib.Path(temporary) / "Streets", args.images, args.seed)
        results = []
        for path in files:
            result = score(path, scenes, args.epochs, args.max_parameters, 60 * args.minutes, args.memory * 2**30)
            results.append(result)
            print(f"{path.name}: {result.get('error') or format(result['mean_iou'], '.4f')}", flush=True)
    write_text(pathlib.Path(args.output), render(rank(results), f"{args.images} secret street scenes, eleven classes."))
    print(f"Wrote {args.output}")
    return 0


def draw_scenes(folder: pathlib.Path, images: int, seed: int) -> pathlib.Path:
    """Draws secret street scenes as the test split of a dataset in `folder`."""
    from tools.make_streets import make_streets

    return make_streets(folder, train=1, val=1, test=images, seed=seed)


def score(path: pathlib.Path, scenes: pathlib.Path, epochs: int, max_parameters: int, seconds: float, memory: float):
    """Scores a submission in a process of its own.

    Args:
        path: of the submission.
        scenes: folder of the secret dataset.
        epochs: that a Python file is trained for.
        max_parameters: limit of parameters.
        seconds: limit of time.
        memory: limit of resident memory, bytes.

    Returns:
        Dict with "name", and either "mean_iou" (0..1), "parameters", "milliseconds" or "error".
    """
    with tempfile.TemporaryDirectory() as temporary:
        output = pathlib.Path(temporary) / "result.json"
        command = [sys.executable, WORKER, path.resolve(), scenes, str(epochs), str(max_parameters), output]
        with open(pathlib.Path(temporary) / "messages", "w+b") as messages:
            process = subprocess.Popen(command, cwd=temporary, stdout=messages, stderr=messages)
            error = wait(process, seconds, memory)
            messages.seek(0)
            text = messages.read().decode(errors="replace")
        if error is None and process.returncode:
            error = last_error(text)[:MESSAGE_LENGTH]
        result = json.loads(output.read_text()) if error is None else {"error": error}
        return {"name": path.stem, **result}


def wait(process: subprocess.Popen, seconds: float, memory: float) -> str | None:
    """Waits for a process and kills it at a limit.

    Returns:
        The limit that it passed, or None.
    """
    end, error = time.monotonic() + seconds, None
    while process.poll() is None and error is None:
        time.sleep(POLL_SECONDS)
        if time.monotonic() > end:
            error = f"took longer than {seconds / 60:g} minutes"
        elif resident_bytes(process.pid) > memory:
            error = f"used more than {memory / 2**30:g} GiB of memory"
    if error:
        process.kill()
        process.wait()
    return error


def resident_bytes(process_id: int) -> int:
    """Returns the resident memory of a process in bytes; 0 if it has ended or the system does not report it."""
    try:
        pages = pathlib.Path(f"/proc/{process_id}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def rank(results: list[dict]) -> list[dict]:
    """Sorts results: by mean IoU, then by parameters; failed submissions last, by name."""
    return sorted(
        results,
        key=lambda r: (
            "error" in r,
            -round(r.get("mean_iou", 0), 4),
            r.get("parameters", 0),
            r["name"],
        ),
    )


def render(results: list[dict], about: str) -> str:
    """Writes ranked results as an HTML page."""
    rows = []
    for number, result in enumerate(results, 1):
        name = html.escape(result["name"])
        if "error" in result:
            rows.append(
                f'<tr class="failed"><td></td><td>{name}</td><td></td><td></td><td></td>'
                f"<td>{html.escape(result['error'])}</td></tr>"
            )
            continue
        cells = f"{100 * result['mean_iou']:.2f} %", f"{result['parameters']:,}", f"{result['milliseconds']:.1f} ms"
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        rows.append(f"<tr><td>{number}</td><td>{name}</td>{numbers}<td></td></tr>")
    header = "".join(f"<th>{name}</th>" for name in COLUMNS)
    return PAGE.format(about=html.escape(about), header=header, rows="\n".join(rows))


if __name__ == "__main__":
    sys.exit(main())
