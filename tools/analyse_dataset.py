"""Reports the statistics and all problems of a dataset in one HTML file.

python tools/analyse_dataset.py --dataset CamVid
"""

import contextlib
import json
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.analysis import analyse, page, summary, values
from tools.datasets.builtin import find_or_make_dataset
from utils.cli import Parser
from utils.cli.choices import LABEL_FORMATS, ORIENTATIONS
from utils.cli.flags import add_image_format
from utils.cli.types import nonnegative_int, positive_int
from utils.data.image_format import ImageFormat
from utils.errors import report_errors
from utils.files import make_folder, write_json, write_text


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/analyse_dataset.py", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, help="name (searched in . and datasets/) or path of a dataset")
    parser.add_argument("--output_dir", help="folder for report.html; default: analysis/<dataset>")
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file, - for standard output")
    parser.add_argument(
        "--near_duplicates",
        action="store_true",
        help="also find similar images in different splits, by a 64-bit difference hash",
    )
    parser.add_argument(
        "--label_format",
        choices=LABEL_FORMATS,
        default="auto",
        help="how labels are stored: class colors, class indices or masks of 0 and 255; default: auto, over all labels",
    )
    add_image_format(parser, "auto", "the 0.1 and 99.9 percentiles of the training images")
    parser.add_argument(
        "--image_orientation",
        choices=ORIENTATIONS,
        default="auto",
        help="whether labels of images with an EXIF orientation are drawn on stored or upright pixels; default: auto, "
        "by their sizes",
    )
    parser.add_argument("--pictures", type=nonnegative_int, default=8, help="rare classes to draw; default: 8")
    parser.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    # With --json -, standard output holds nothing but the JSON text.
    with contextlib.redirect_stdout(sys.stderr if args.json == "-" else sys.stdout):
        folder = find_or_make_dataset(args.dataset)
        image_format = ImageFormat.from_settings(vars(args))
        options = args.label_format, image_format, args.image_orientation
        analysis = analyse(folder, args.workers, args.near_duplicates, *options)
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
