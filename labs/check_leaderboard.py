"""Reliability of the leaderboard: Kendall's tau between the rankings of ten networks under two secret seeds.

    python labs/check_leaderboard.py --seeds 4711 815

Trains ten decoders of different widths, levels and lengths on Streets (5 minutes on two cores) and ranks them as
leaderboard.py does.
"""

import itertools
import pathlib
import sys
import tempfile

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from labs.leaderboard import draw_scenes, score
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_int
from utils.errors import report_errors

SUBMISSIONS = [  # levels of the frontend, filters, epochs
    ((3, 4), 8, 1),
    ((4, 5), 16, 2),
    ((3, 4, 5), 16, 2),
    ((2, 3, 4, 5), 16, 2),
    ((3, 5), 32, 3),
    ((2, 5), 32, 3),
    ((2, 3, 4, 5), 32, 3),
    ((2, 3, 4), 48, 4),
    ((2, 3, 4, 5), 64, 4),
    ((2, 3, 4, 5), 64, 6),
]


def build_parser():
    """The command's flags."""
    parser = Parser(prog="labs/check_leaderboard.py", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=nonnegative_int, nargs=2, default=[4711, 815], help="two secret seeds")
    parser.add_argument("--images", type=positive_int, default=60, help="number of street scenes for each seed")
    parser.add_argument("--folder", help="folder to keep the networks in; those that it has are not trained again")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"network{number}.keras" for number in range(len(SUBMISSIONS))]
        for path, submission in zip(files, SUBMISSIONS):
            if not path.exists():
                train_submission(*submission).save(path)
        columns = []
        for seed in args.seeds:
            scenes = draw_scenes(pathlib.Path(temporary) / f"Streets{seed}", args.images, seed)
            columns.append([score(path, scenes, 1, 5_000_000, 600, 2**33)["mean_iou"] for path in files])
    for submission, first, second in zip(SUBMISSIONS, *columns):
        print(f"levels {submission[0]}, {submission[1]} filters, {submission[2]} epochs: {first:.4f} {second:.4f}")
    print(f"Kendall's tau of the {len(files)} networks between the seeds: {kendall_tau(*columns):.2f}")
    return 0


def train_submission(levels: tuple[int, ...], filters: int, epochs: int):
    """Trains a decoder that merges levels of MobileNetV3Small at the finest of them; returns the `keras.Model`."""
    from labs.course import register_network, train
    from models.blocks import classifier, conv_bn_relu, resize_like

    def build(end_points, num_classes):
        from keras import layers

        features = [conv_bn_relu(end_points[f"pool{level}"], filters, 1) for level in levels]
        merged = layers.Concatenate()([resize_like(feature, features[0]) for feature in features])
        return classifier(conv_bn_relu(merged, filters, 3), num_classes)

    return train(register_network(f"levels{''.join(map(str, levels))}x{filters}", build), epochs).model


def kendall_tau(first: list[float], second: list[float]) -> float:
    """Computes Kendall's rank correlation (tau-a): concordant minus discordant pairs, over all pairs."""
    signs = [
        ((a > b) - (a < b)) * ((c > d) - (c < d))
        for (a, c), (b, d) in itertools.combinations(list(zip(first, second)), 2)
    ]
    return sum(signs) / len(signs)


if __name__ == "__main__":
    sys.exit(main())
