"""Check of suspect scores: label errors are planted, and the page of test.py must show their images first.

    python tools/check_suspects.py --dataset CamVid --seed 0

The network predicts the training images once; the errors of each seed are planted into their labels in memory. No file
of the dataset is changed.
"""

import collections
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

import numpy as np

from tools.suspects.planting import KINDS, LEAST_AREA, plant
from utils.cli import Parser
from utils.cli.flags import add_views
from utils.cli.types import fraction, name_list, nonnegative_int, positive_int
from utils.errors import UsageError, report_errors
from utils.run_folder import PRETRAINED

OBJECTS = ("Pole", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist")  # of CamVid


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/check_suspects.py", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="CamVid", metavar="NAME", help="dataset, a name or a path")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train", metavar="NAME", help="its split")
    parser.add_argument(
        "--checkpoint_path",
        default=str(PRETRAINED),
        metavar="FILE",
        help="checkpoint, or a file of export.py; default: the network in models/pretrained/",
    )
    parser.add_argument(
        "--seed", type=nonnegative_int, nargs="+", default=[0], metavar="N", help="seeds of the errors, one row each"
    )
    parser.add_argument("--errors", type=positive_int, default=20, metavar="N", help="number of label errors")
    parser.add_argument("--first", type=positive_int, default=30, metavar="N", help="images that one would look at")
    parser.add_argument(
        "--objects",
        type=name_list,
        default=list(OBJECTS),
        metavar="NAME,NAME",
        help=f"classes of objects that may be missing or mistaken; default: {','.join(OBJECTS)}",
    )
    parser.add_argument(
        "--least_area",
        type=fraction,
        default=LEAST_AREA,
        metavar="F",
        help="least area of an object that is missing or mistaken, as a share of the image",
    )
    parser.add_argument("--batch_size", type=positive_int, default=4, metavar="N", help="images per batch")
    add_views(parser)
    return parser


def predict(predictor, pairs, class_dict, image_format):
    """Returns labels, predictions and confidences of images: lists of arrays `(H, W)` in the order of the pairs."""
    from utils.data.labels import read_pair
    from utils.progress import Console
    from utils.threads import prefetch

    results, labels = [None] * len(pairs), [None] * len(pairs)

    def images():
        for index, (image, labels[index]) in enumerate(
            pair
            for _, pair in prefetch(lambda pair: read_pair(pair.image, pair.label, class_dict, image_format), pairs)
        ):
            yield index, image

    with Console().progress("Images", len(pairs)) as progress:
        for done, (index, scored) in enumerate(predictor(images()), 1):
            results[index] = scored
            progress.count(done)
    return labels, [scored.indices for scored in results], [scored.confidence for scored in results]


def found_among_first(labels, predictions, confidences, regions, planted, first):
    """Returns the indices of the images with errors that are among the `first` most suspicious ones.

    Args:
        labels, predictions, confidences: of `predict`.
        regions: of the images without errors.
        planted: of `plant`.
        first: number of images.
    """
    from utils.report import find_regions, suspicion

    changed = list(regions)
    for index, (_, label) in planted.items():
        changed[index] = find_regions(label, predictions[index], confidences[index])
    scores = np.array([sum(values) for values in suspicion(changed)])
    return set(np.argsort(-scores, kind="stable")[:first].tolist()) & set(planted)


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    import pathlib

    from tools.datasets.builtin import find_or_make_dataset
    from utils.class_dict import ClassDict
    from utils.data.folder import list_pairs
    from utils.data.image_format import ImageFormat
    from utils.inference import Predictor, load_trained
    from utils.report import find_regions

    folder = find_or_make_dataset(args.dataset)
    backend, settings, _ = load_trained(pathlib.Path(args.checkpoint_path))
    class_dict = ClassDict.from_dict(settings)
    objects = [class_dict.class_names.index(name) for name in args.objects if name in class_dict.class_names]
    if not objects:
        raise UsageError(f"--objects names no class of {args.checkpoint_path}: {', '.join(class_dict.class_names)}")
    pairs = list_pairs(folder, args.split)
    if args.errors > len(pairs):
        raise UsageError(f"--errors {args.errors} is more than the {len(pairs)} images of the split {args.split}")
    image_format = ImageFormat.from_settings(settings)
    predictor = Predictor(backend, args.batch_size, args.scales, args.flip, keep="confidence")
    labels, predictions, confidences = predict(predictor, pairs, class_dict, image_format)
    regions = [find_regions(*image) for image in zip(labels, predictions, confidences)]
    found, total = collections.Counter(), collections.Counter()
    for seed in args.seed:
        rng = np.random.default_rng(seed)
        planted = plant(labels.__getitem__, len(labels), args.errors, rng, objects, args.least_area)
        hits = found_among_first(labels, predictions, confidences, regions, planted, args.first)
        total.update(kind for kind, _ in planted.values())
        found.update(planted[index][0] for index in hits)
        print(f"seed {seed}: {len(hits)} of {len(planted)} errors among the first {args.first} of {len(pairs)} images")
    for kind in KINDS:
        print(f"  {kind:24} {found[kind]} of {total[kind]}")
    print(
        f"all: {sum(found.values())} of {sum(total.values())}, {100 * sum(found.values()) / sum(total.values()):.0f} %"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
