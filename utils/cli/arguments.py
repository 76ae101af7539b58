"""Parsers of the five commands. Importing this module imports no Keras, so that help and errors appear at once."""

from utils.cli.choices import EXPORT_FORMATS, EXPORT_OUTPUTS
from utils.cli.flag_groups import (
    add_backend,
    add_checkpoint,
    add_data,
    add_help,
    add_inference,
    add_model,
    add_progress,
)
from utils.cli.flags import add_boolean, add_cluster, add_crop, add_image_format, add_max_pixels, add_workers, add_xla
from utils.cli.parser import Parser
from utils.cli.training_flags import add_augmentation, add_fine_tuning, add_optimization, add_run
from utils.cli.types import fraction, name_list, positive_int, share


def train_parser() -> Parser:
    """Builds the parser of train.py."""
    parser = command_parser(
        "train.py",
        "Train a segmentation network. Checkpoints, scores, plots and sample predictions are written to checkpoints/.",
    )
    add_model(parser)
    add_fine_tuning(parser)
    add_data(parser)
    add_augmentation(parser)
    add_optimization(parser)
    add_run(parser)
    add_backend(parser, automatic=True)
    add_progress(parser)
    return parser


def test_parser() -> Parser:
    """Builds the parser of test.py."""
    parser = command_parser(
        "test.py",
        "Score a trained network on the test split. Model, classes and dataset are read from the checkpoint.",
    )
    add_checkpoint(parser)
    add_data(parser, from_checkpoint=True)
    add_inference(parser)
    add_progress(parser)
    group = parser.add_argument_group("images and results")
    add_crop(group, "upper left crop to score, as in the original suite; default: whole images")
    group.add_argument(
        "--split", choices=("train", "val", "test"), default="test", metavar="NAME", help="split to score"
    )
    group.add_argument(
        "--output_dir", metavar="FOLDER", help="folder for scores and predictions; default: Test/<model>_<dataset>"
    )
    add_boolean(
        group,
        "--report",
        "also write report.html, one page of all results to look at, and add scores at borders, by object size and of "
        "calibration to scores.json",
    )
    add_cluster(group, "score the images together (JAX)")
    add_xla(parser.add_argument_group("backend"))
    return parser


def predict_parser() -> Parser:
    """Builds the parser of predict.py."""
    parser = command_parser(
        "predict.py",
        "Predict images, folders of images, videos or a camera. Model and classes are read from the checkpoint.",
    )
    add_checkpoint(parser)
    add_inference(parser)
    add_progress(parser)
    group = parser.add_argument_group("images and results")
    group.add_argument(
        "--image",
        required=True,
        nargs="+",
        metavar="WHAT",
        help="images, folders (with subfolders), patterns such as 'photos/*.jpg', videos, stream URLs or camera "
        "numbers",
    )
    group.add_argument("--dataset", metavar="NAME", help="with --model: dataset of the checkpoint to find")
    group.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images per batch")
    add_crop(group, "image after resizing, as in the original suite; default: original size")
    group.add_argument("--frames", type=positive_int, metavar="N", help="maximum number of frames per video or camera")
    add_boolean(
        group,
        "--overlay",
        "also write the color map blended over the image, above a legend",
    )
    group.add_argument("--alpha", type=share, default=0.5, metavar="F", help="opacity of the color map in the overlay")
    add_boolean(group, "--outlines", "darker lines along the borders of classes in the overlay", default=True)
    add_boolean(group, "--indices", "also write class indices as grayscale PNGs")
    add_boolean(group, "--confidence", "also write the highest probability of each pixel, gray, 255 = 1")
    group.add_argument(
        "--below",
        type=fraction,
        default=0.0,
        metavar="F",
        help="pixels with a confidence below this are unknown, index 255; default: 0, none",
    )
    add_boolean(group, "--probabilities", "also write the probabilities of all classes as .npz files")
    add_boolean(group, "--coverage", "also write coverage.csv: percentage of pixels per class")
    group.add_argument("--classes", type=name_list, default=[], metavar="NAME,NAME", help="color these classes only")
    add_image_format(group, None, "as in the training")
    add_max_pixels(group, "default: 400 million")
    add_cluster(group, "share out the images and videos")
    add_boolean(group, "--show", "show the results in a window; the key q quits")
    group.add_argument(
        "--output_dir", default="predictions", metavar="FOLDER", help="folder for the results; default: predictions"
    )
    add_xla(parser.add_argument_group("backend"))
    return parser


def benchmark_parser() -> Parser:
    """Builds the parser of benchmark.py."""
    parser = command_parser(
        "benchmark.py", "Measure training and inference speed and memory of a network on this machine."
    )
    add_model(parser)
    parser.set_defaults(frontend_weights="none")  # same speed, without a download
    group = parser.add_argument_group("measurement")
    add_crop(group, "images", 512)
    group.add_argument("--batch_size", type=positive_int, default=1, metavar="N", help="images per batch")
    group.add_argument("--num_classes", type=positive_int, default=12, metavar="N", help="number of classes")
    group.add_argument(
        "--rounds", type=positive_int, default=5, metavar="N", help="rounds, of which the median is reported"
    )
    group.add_argument(
        "--steps", type=positive_int, metavar="N", help="steps per round; default: as many as take about 2 s"
    )
    group.add_argument(
        "--dataset", metavar="NAME", help="also measure reading this dataset, a name or a path; default: not measured"
    )
    add_workers(group)
    add_boolean(group, "--all", "measure every network, each in a fresh process")
    group = parser.add_argument_group("results")
    group.add_argument("--json", metavar="FILE", help="write the results to this file, or - for standard output")
    group.add_argument(
        "--output_dir", metavar="FOLDER", help="with --all: folder for the table speed.md and the plot speed.png"
    )
    add_backend(parser)
    return parser


def export_parser() -> Parser:
    """Builds the parser of export.py."""
    parser = command_parser(
        "export.py",
        "Export a trained network for other programs, and compare the file with the Keras model. Model and classes "
        "are read from the checkpoint.",
    )
    add_checkpoint(parser)
    group = parser.add_argument_group("file")
    group.add_argument("--format", choices=EXPORT_FORMATS, required=True, metavar="NAME", help="file format")
    group.add_argument("--output_path", metavar="PATH", help="file or folder to write; default: beside the checkpoint")
    group.add_argument(
        "--output",
        choices=EXPORT_OUTPUTS,
        default="logits",
        metavar="NAME",
        help="output of the exported network: logits, class indices or class colors",
    )
    add_crop(group, "input of the exported network; default: any size")
    group.add_argument(
        "--ort_web",
        metavar="PATH",
        help="web: archive (.tgz) or folder of the npm package onnxruntime-web; default: downloaded once",
    )
    group.add_argument(
        "--scores", metavar="FILE", help="hub: scores.json of test.py for the model card; default: looked for in Test/"
    )
    group = parser.add_argument_group("quantization")
    add_boolean(group, "--float16", "litert, onnx, web: 16-bit float weights; default: for web only", default=None)
    add_boolean(
        group,
        "--int8",
        "onnx, litert, openvino: 8-bit integer weights and activations, calibrated with training images; keras, "
        "hub: 8-bit weights, for a file of a quarter of the size",
    )
    group.add_argument(
        "--calibration_images", type=positive_int, default=32, metavar="N", help="number of images for --int8"
    )
    group = parser.add_argument_group("parity check")
    group.add_argument(
        "--dataset",
        metavar="NAME",
        help="dataset for comparison and calibration, a name or a path; with --model it also finds the checkpoint; "
        "default: training dataset, if it is there",
    )
    group.add_argument("--image", nargs="+", metavar="WHAT", help="images, folders or patterns to compare on instead")
    return parser


def command_parser(program: str, description: str) -> Parser:
    """Builds a parser with the flags that every command has. Its usage line does not list the flags."""
    parser = Parser(prog=program, usage=f"python {program} [flags]", description=description, add_help=False)
    add_help(parser)
    return parser
