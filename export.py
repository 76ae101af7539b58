"""Write a trained network as a file for other programs, and check it there.

    python export.py --checkpoint_path checkpoints/latest_model_DeepLabV3_plus_CamVid.keras --format onnx

Preprocessing is inside the file: it takes uint8 RGB pixels. Names and colors of the classes are inside too.
"""

import pathlib
import sys

from utils.backend import import_backend, silence_stderr, versions
from utils.cli.arguments import export_parser, parse
from utils.cli.checks import check_network, crop_size
from utils.errors import RunError, UsageError, report_errors


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, _ = parse(export_parser(), argv)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.cli.tables import run_block
    from utils.export.write import Choice, atomic_folder, check_packages, to_float32, write_export
    from utils.inference.inputs import find_inputs
    from utils.run_folder import find_checkpoint
    from utils.settings import read_checkpoint

    precision = check_flags(args)
    check_packages(args.format)
    checkpoint = find_checkpoint(args.checkpoint_path, args.checkpoint_dir, args.model, args.dataset)
    path = output_path(args.output_path, checkpoint, args.format, precision)
    import_backend()
    require_tensorflow()
    from utils.checkpoints import load_for_inference
    from utils.export.parity import fit, images_to_check

    settings, _ = read_checkpoint(checkpoint)
    size = fixed_size(args, precision, settings)
    chosen = list(find_inputs(args.image)[0]) if args.image else []
    dataset = find_or_make_dataset(args.dataset) if args.dataset and not args.image else None
    images, where = images_to_check(chosen, settings, dataset)
    calibration = [fit(image, size) for image in calibration_images(args, precision, settings)]
    print("Loading model checkpoint weights ...", flush=True)
    model, settings = load_for_inference(checkpoint, args.model)
    to_float32(model)
    choice = Choice(args.format, size, args.output, precision)
    print(run_block(export_parser(), {**vars(args), "checkpoint_path": str(checkpoint)}, versions()))
    print(f"Model --> {settings['model']}, trained on {pathlib.Path(settings['dataset_path']).name}")
    print(f"Image size --> {described(size)}")
    print(f"Writing {path} ...", flush=True)
    with atomic_folder(path) as folder:
        write_export(folder, path.name, model, settings, choice, calibration)
        comparison = compare_with_file(folder / path.name, model, choice, images, where, settings)
        reject(comparison.agreement, path, folder, choice)
    print(f"Wrote {path}")
    return 0


def check_flags(args):
    """Refuses flags that do not go together.

    Returns:
        "float32", "float16" or "int8".
    """
    precision = "float16" if args.float16 else "int8" if args.int8 else "float32"
    if args.float16 and args.int8:
        raise UsageError("--float16 and --int8 exclude each other")
    if precision != "float32" and args.format != "litert":
        raise UsageError(f"--{precision} is for --format litert only")
    if args.format == "keras" and (args.output != "logits" or args.crop_height or args.crop_width):
        raise UsageError(
            "--format keras keeps logits and any size, as test.py and predict.py need; leave out --output, "
            "--crop_height and --crop_width"
        )
    return precision


def output_path(given, checkpoint, form, precision):
    """Where to write: what `--output_path` says, or a name beside the checkpoint.

    Returns:
        `pathlib.Path`.
    """
    from utils.export.write import FORMATS

    suffix = FORMATS[form].suffix
    if given is None:
        kind = "_inference" if form == "keras" else "" if precision == "float32" else f"_{precision}"
        return checkpoint.with_name(f"{checkpoint.stem}{kind}{suffix}")
    path = pathlib.Path(given)
    if suffix and path.suffix != suffix:
        raise UsageError(f"--output_path {given}: a file of --format {form} must end in {suffix}")
    if path.resolve() == checkpoint.resolve():
        raise UsageError(f"--output_path {given} is the checkpoint itself")
    if suffix and path.is_dir() or not suffix and path.exists() and not (path / "saved_model.pb").is_file():
        raise UsageError(f"--output_path {given} is something else that --format {form} must not replace")
    return path


def require_tensorflow():
    """All converters begin with TensorFlow's graph."""
    import keras

    if keras.config.backend() != "tensorflow":
        raise UsageError(
            f"export.py needs the TensorFlow engine, not {keras.config.backend()}: set "
            "KERAS_BACKEND=tensorflow; checkpoints of every engine load there"
        )


def fixed_size(args, precision, settings):
    """`(height, width)` of the images that the file takes, or None for any."""
    size = crop_size(args.crop_height, args.crop_width)
    if size is None and precision == "int8":
        size = settings["crop_height"], settings["crop_width"]
        print(f"--int8 needs a fixed size: {size[0]}x{size[1]}, the training crop (see --crop_height, --crop_width)")
    if size:
        check_network(settings["model"], settings["frontend"], settings["output_stride"], *size)
    return size


def described(size):
    """The size of the images in words."""
    from utils.inference.predictor import SIZE_MULTIPLE, round_up

    if size is None:
        return f"any (multiples of {SIZE_MULTIPLE} are best)"
    padded = [round_up(side, SIZE_MULTIPLE) for side in size]
    hint = f"; a checkpoint's images are padded to {padded[0]}x{padded[1]}, which gives other results at the border"
    return f"{size[0]}x{size[1]}{hint if padded != list(size) else ''}"


def calibration_images(args, precision, settings):
    """Training images by which int8 finds the ranges of its numbers: list of uint8 arrays `(h, w, 3)`."""
    if precision != "int8":
        return []
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import dataset_of_run
    from utils.data.images import is_image, read_image
    from utils.export.parity import evenly

    folder = find_or_make_dataset(dataset_of_run(settings, args.dataset)) / "train"
    paths = sorted(path for path in folder.iterdir() if is_image(path)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"--int8 is calibrated with training images, and {folder} has none; give --dataset")
    chosen = evenly(paths, args.calibration_images)
    print(f"Calibration --> {len(chosen)} images of {folder}")
    return [read_image(path) for path in chosen]


def compare_with_file(path, model, choice, images, where, settings):
    """Loads the file in its own runtime, compares it with the network and prints the result.

    Returns:
        `parity.Comparison`.
    """
    from utils.checkpoints import load_for_inference
    from utils.export.parity import compare, sizes_to_check
    from utils.inference.exported_backend import ExportedNetwork, load_exported

    with silence_stderr():
        if choice.format == "keras":
            loaded, _ = load_for_inference(path)
            network = ExportedNetwork(loaded.predict_on_batch, (None,) * 4, "logits")
        else:
            network, _ = load_exported(path)
        sizes = sizes_to_check(network.size, images)
        comparison = compare(model, network, images, sizes, settings["label_values"])
    print(f"Compared with Keras on {where}, at {' and '.join(f'{height}x{width}' for height, width in sizes)}:")
    if comparison.difference is not None:
        print(f"  greatest difference of a logit {comparison.difference:.2g} (logits up to {comparison.scale:.3g})")
    print(f"  pixels of the same class       {comparison.agreement:.4f} %", flush=True)
    return comparison


def reject(agreement, path, folder, choice):
    """Puts a file that disagrees with its network under another name, and says so."""
    from utils.export.parity import LEAST_AGREEMENT
    from utils.export.write import move_parts

    least = LEAST_AGREEMENT[choice.precision]
    if agreement >= least:
        return
    rejected = path.with_name(f"{path.stem}_rejected{path.suffix}")
    move_parts(folder, rejected)
    raise RunError(
        f"the file agrees with Keras in {agreement:.2f} % of the pixels, and {choice.precision} must in "
        f"{least} %; to look into it, it is kept as {rejected}"
    )


if __name__ == "__main__":
    sys.exit(main())
