"""Writes a teacher network's class probabilities of training images, soft labels for train.py --soft_labels.

    python tools/make_soft_labels.py --checkpoint teacher.keras --dataset CamVid --output soft --flip
    python train.py --dataset CamVid --model custom --frontend MobileNetV3Small --soft_labels soft

A byte for each class and square of 4x4 pixels: 44 MB for the 367 images of CamVid with 480x360 pixels and 11 classes.
"""

import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.cli import Parser
from utils.cli.flags import add_views, add_workers
from utils.cli.types import positive_int
from utils.errors import report_errors


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/make_soft_labels.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--checkpoint", required=True, metavar="FILE", help="the teacher, a checkpoint or a file of export.py"
    )
    parser.add_argument("--dataset", default="CamVid", metavar="NAME", help="dataset, a name or a path")
    parser.add_argument("--output", default="soft_labels", metavar="FOLDER", help="folder for the soft labels")
    parser.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images per batch")
    add_workers(parser)
    add_views(parser)
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.checks import check_pairs
    from utils.data.folder import list_pairs, other_labels, read_classes
    from utils.data.image_format import ImageFormat
    from utils.data.labels import read_pair
    from utils.data.soft_labels import SoftLabelWriter
    from utils.files import make_folder
    from utils.inference import Predictor, load_trained
    from utils.progress import Console
    from utils.settings import check_classes, checkpoint_identity
    from utils.threads import prefetch

    folder = find_or_make_dataset(args.dataset)
    pairs = list_pairs(folder, "train")
    backend, settings, _ = load_trained(args.checkpoint)
    defaults = {"ignore_class": (), "unknown_colours": "error", "label_format": "auto"}
    class_dict = read_classes(folder, *(settings.get(name, default) for name, default in defaults.items()))
    class_dict.orientation = settings.get("image_orientation", "auto")
    check_classes(args.checkpoint, settings, class_dict.class_names, folder, "take a teacher of the same classes")
    image_format = ImageFormat.from_settings(settings)
    check_pairs(pairs, class_dict, args.workers, (), other_labels(folder, pairs), None, image_format)
    predictor = Predictor(backend, args.batch_size, args.scales, args.flip, keep="probabilities")
    writer = SoftLabelWriter(make_folder(args.output))

    def read(pair):
        return pair.name, read_pair(pair.image, pair.label, class_dict, image_format)[0]  # turned as in the training

    images = (named for _, named in prefetch(read, pairs, args.workers))
    with Console().progress("Images", len(pairs)) as progress:
        for done, (name, scored) in enumerate(predictor(images), 1):
            writer.write(name, scored.probabilities)
            progress.count(done)
    identity = checkpoint_identity(args.checkpoint)
    views = {"scales": list(args.scales), "flip": args.flip}
    teacher = {"path": str(pathlib.Path(args.checkpoint)), "model": settings["model"], **identity}
    writer.finish(class_dict.class_names, teacher=teacher, views=views, dataset=folder.resolve().name)
    print(f"{len(pairs)} soft labels, {writer.size / 1e6:.1f} MB, are in {writer.folder}; train with --soft_labels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
