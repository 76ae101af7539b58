"""Predict an image or a folder of images.

    python predict.py --image street.jpg --checkpoint_path checkpoints/latest_model_DeepLabV3_plus_CamVid.keras

Writes `<name>_pred.png`, the classes in their colors at the image's own size.
"""

import pathlib
import sys

from utils.arguments import crop_size, parse, predict_parser
from utils.engine import import_engine
from utils.errors import BadUse, WorkFailed, reports_errors


@reports_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, _ = parse(predict_parser(), argv)
    from utils.reports import make_folder
    from utils.run_folder import find_checkpoint

    images = list_images(args.image)
    path = find_checkpoint(args.checkpoint_path, args.checkpoint_dir, args.model, args.dataset)
    size = crop_size(args.crop_height, args.crop_width)
    import_engine()
    from utils.checkpoints import load_for_inference
    from utils.class_dict import ClassDict
    from utils.engine import use_xla
    from utils.evaluation import Predictor

    print("Loading model checkpoint weights ...", flush=True)
    model, settings = load_for_inference(path, args.model)
    class_dict = ClassDict.from_dict(settings)
    output = make_folder(args.output_dir)
    print("\n***** Begin prediction *****")
    print(f"Model --> {settings['model']}, trained on {pathlib.Path(settings['dataset_path']).name}")
    print(f"Num Classes --> {class_dict.num_classes}")
    print(f"Images --> {len(images)}", flush=True)
    predictor = Predictor(model, args.batch_size, use_xla(args.jit_compile))
    alpha = args.alpha if args.overlay else None
    failed = predict(predictor, images, class_dict, output, size, alpha)
    if failed:
        raise WorkFailed(f"{len(failed)} of {len(images)} images were not predicted: {'; '.join(failed)}")
    print("\nFinished!")
    return 0


def list_images(path):
    """The images that `--image` names.

    Returns:
        List of `pathlib.Path`.
    """
    from utils.images import EXTENSIONS, is_image

    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadUse(f"there is no image or folder {path}")
    images = sorted(entry for entry in path.iterdir() if is_image(entry))
    if not images:
        raise BadUse(f"the folder {path} has no images ({', '.join(EXTENSIONS)})")
    return images


def predict(predictor, images, class_dict, output, size=None, alpha=None):
    """Predicts images and writes their color maps.

    Args:
        predictor: `Predictor`.
        images: list of `pathlib.Path`.
        class_dict: `ClassDict`.
        output: `pathlib.Path` of the folder to write to.
        size: `(height, width)` to resize images to before the network, or None for their own.
        alpha: share of the colors in an overlay that is written too, or None for no overlay.

    Returns:
        List of str, what went wrong with which image.
    """
    import cv2

    from utils.evaluation import on_threads, read_ahead
    from utils.images import overlay, read_image, with_legend, write_image

    failed, pictures = [], {}

    def read(path):
        try:
            return read_image(path, upright=True)
        except BadUse as error:
            return error

    def inputs():
        for path, picture in read_ahead(read, images):
            if isinstance(picture, BadUse):
                failed.append(str(picture))
                continue
            pictures[path] = picture
            yield path, cv2.resize(picture, size[::-1]) if size else picture

    def write(path, picture, indices):
        if size:
            indices = cv2.resize(indices, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        colors = class_dict.decode(indices)
        targets = {output / f"{path.stem}_pred.png": colors}
        if alpha is not None:
            targets[output / f"{path.stem}_overlay.png"] = with_legend(
                overlay(picture, colors, alpha), class_dict, indices
            )
        for target, rgb in targets.items():
            write_image(target, rgb)
            print(f"Wrote image {target}\n", end="", flush=True)

    with on_threads() as submit:
        for path, indices in predictor(inputs()):
            submit(write, path, pictures.pop(path), indices)
    return failed


if __name__ == "__main__":
    sys.exit(main())
