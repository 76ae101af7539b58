"""Export a trained network to SavedModel, ONNX, LiteRT, OpenVINO, a web page, a server's or a hub's folder.

Each written network is compared with the Keras model.

    python export.py --checkpoint_path checkpoints/latest_model_DeepLabV3_plus_CamVid.keras --format onnx

Preprocessing is inside the file: it takes uint8 RGB pixels. Names and colors of the classes are inside too.
"""

import pathlib
import shlex
import sys

from utils.backend import import_backend, versions
from utils.cli import export_parser, parse
from utils.cli.checks import check_network, crop_size, export_precision
from utils.cli.choices import CALIBRATED_FORMATS
from utils.errors import UsageError, report_errors


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, _ = parse(export_parser(), argv)
    from utils.cli import run_block
    from utils.export.formats import check_packages
    from utils.export.write import (
        BundleInputs,
        ExportOptions,
        atomic_folder,
        bundle_hint,
        check_bundle,
        output_path,
        to_float32,
        write_export,
        written_networks,
    )
    from utils.run_folder import find_checkpoint
    from utils.settings import read_checkpoint

    precision = export_precision(args)
    check_packages(args.format, precision)
    checkpoint = find_checkpoint(args.checkpoint_path, args.checkpoint_dir, args.model, args.dataset, name=args.name)
    settings, _ = read_checkpoint(checkpoint)
    options = ExportOptions(args.format, fixed_size(args, precision, settings), args.output, precision)
    path = output_path(args.output_path, checkpoint, options)
    images, source, calibration = read_images(args, options, settings)
    inputs = BundleInputs(checkpoint, images, source, args.ort_web, args.scores, command_line(argv))
    check_bundle(options, settings, inputs)
    import_backend()
    require_tensorflow()
    from utils.checkpoints import load_for_inference
    from utils.export.parity import check_parity, reject

    print("Loading model checkpoint weights ...", flush=True)
    model, _ = load_for_inference(checkpoint, args.model)
    to_float32(model)
    print(run_block(export_parser(), {**vars(args), "checkpoint_path": str(checkpoint)}, versions()))
    print(f"Model --> {settings['model']}, trained on {pathlib.Path(settings['dataset_path']).name}")
    print(f"Image size --> {describe_size(options.size)}")
    print(f"Writing {path} ...", flush=True)
    with atomic_folder(path) as folder:
        write_export(folder, path.name, model, settings, options, calibration, inputs)
        for network in written_networks(folder / path.name, options):
            comparison = check_parity(network, model, images, options.output)
            sizes = " and ".join(f"{height}x{width}" for height, width in comparison.sizes)
            print(f"Compared with Keras on {source}, at {sizes}:\n{comparison}", flush=True)
            reject(comparison.agreement, folder, path, options)
    print(f"Wrote {path}")
    if hint := bundle_hint(path, options):
        print(hint)
    return 0


def fixed_size(args, precision, settings):
    """Returns the `(height, width)` of the images that the file takes, or None for any size."""
    size = crop_size(args.crop_height, args.crop_width)
    if size is None and precision == "int8" and args.format == "litert":
        size = settings["crop_height"], settings["crop_width"]
        print(f"--int8 needs a fixed size: {size[0]}x{size[1]}, the training crop (see --crop_height, --crop_width)")
    if size:
        check_network(settings["model"], settings["frontend"], settings["output_stride"], *size)
    return size


def read_images(args, options, settings):
    """Reads the images for the parity check and for int8 calibration.

    Returns:
        `(images, source, calibration)`: list of uint8 arrays `(h, w, channels)`; a description of where they come from;
        list of uint8 arrays of the fixed size, or of multiples of 32 pixels, empty unless they are needed.
    """
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import dataset_of_run
    from utils.data.image_format import ImageFormat
    from utils.export.reference_images import find_reference_images, read_calibration_images, resize_image
    from utils.inference.inputs import find_inputs
    from utils.inference.predictor import padded_size

    paths = list(find_inputs(args.image)[0]) if args.image else []
    dataset = find_or_make_dataset(args.dataset) if args.dataset and not paths else None
    image_format = ImageFormat.from_settings(settings)
    images, source = find_reference_images(paths, settings["dataset_path"], dataset, image_format)
    calibration = []
    if options.precision == "int8" and options.format in CALIBRATED_FORMATS:
        folder = find_or_make_dataset(dataset_of_run(settings["dataset_path"], args.dataset)) / "train"
        calibration = read_calibration_images(folder, args.calibration_images, image_format)
        calibration = [resize_image(image, options.size or padded_size(*image.shape[:2])) for image in calibration]
        print(f"Calibration --> {len(calibration)} images of {folder}")
    return images, source, calibration


def require_tensorflow():
    """Raises UsageError for other backends: all converters start from TensorFlow's graph."""
    import keras

    if keras.config.backend() != "tensorflow":
        raise UsageError(
            f"export.py needs the TensorFlow backend, not {keras.config.backend()}: set "
            "KERAS_BACKEND=tensorflow; checkpoints of every backend load there"
        )


def command_line(argv):
    """Returns the text of the command line, of absolute paths the last part."""
    words = sys.argv[1:] if argv is None else argv
    short = [pathlib.PurePath(word).name if pathlib.PurePath(word).is_absolute() else word for word in words]
    return shlex.join(["python", "export.py", *short])


def describe_size(size):
    """Returns the size of the images as text."""
    from utils.inference.predictor import SIZE_MULTIPLE, padded_size

    if size is None:
        return f"any (multiples of {SIZE_MULTIPLE} are best)"
    padded = padded_size(*size)
    hint = f"; a checkpoint's images are padded to {padded[0]}x{padded[1]}, which gives other results at the border"
    return f"{size[0]}x{size[1]}{hint if padded != tuple(size) else ''}"


if __name__ == "__main__":
    sys.exit(main())
