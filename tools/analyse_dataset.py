"""Tells what a dataset is made of and everything that is wrong with it, in one HTML file.

python tools/analyse_dataset.py --dataset CamVid
"""

import contextlib
import json
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.builtin import find_or_make_dataset
from utils.cli.arguments import Parser, natural, positive_int
from utils.errors import report_errors
from utils.files import make_folder, write_json, write_text


def parser():
    """Flags of this tool."""
    flags = Parser(prog="tools/analyse_dataset.py", description=__doc__.splitlines()[0])
    flags.add_argument("--dataset", required=True, help="a name (looked for in . and datasets/) or a path")
    flags.add_argument("--output_dir", help="folder for report.html; default: analysis/<dataset>")
    flags.add_argument("--json", metavar="FILE", help="write the values there too, - for standard output")
    flags.add_argument(
        "--near_duplicates",
        action="store_true",
        help="also look for images in different splits that look alike (a hash of 64 bits)",
    )
    flags.add_argument("--pictures", type=natural, default=8, help="rarest classes to show; default: 8")
    flags.add_argument("--workers", type=positive_int, default=2, help="threads that read; default: 2")
    return flags


@report_errors
def main(argv=None):
    args = parser().parse_args(argv)
    # Standard output is for the values alone where they go there.
    with contextlib.redirect_stdout(sys.stderr if args.json == "-" else sys.stdout):
        folder = find_or_make_dataset(args.dataset)
        from tools.analysis.collect import analyse
        from tools.analysis.report import page, summary, values

        analysis = analyse(folder, args.workers, args.near_duplicates)
        output = make_folder(args.output_dir or pathlib.Path("analysis") / analysis.name)
        write_text(output / "report.html", page(analysis, args.pictures))
        print(summary(analysis))
        print(f"Report: {output / 'report.html'}")
    if args.json == "-":
        print(json.dumps(values(analysis), indent=2, ensure_ascii=False))
    elif args.json:
        write_json(args.json, values(analysis))
    return 0


if __name__ == "__main__":
    sys.exit(main())
