"""Predict images, folders of images, videos, streams or cameras.

    python predict.py --image street.jpg --checkpoint_path checkpoints/latest_model_DeepLabV3_plus_CamVid.keras
    python predict.py --image street.jpg --overlay

The second command uses the network of CamVid's street scenes in models/pretrained/.
Writes `predictions/<name>_pred.png`, the classes in their colors at the input's own size; `.tif` for a GeoTIFF, `.mp4`
or `.webm` for a video.
"""

import pathlib
import sys

from utils.backend import versions
from utils.cli import parse, predict_parser
from utils.cli.checks import crop_size, tile_size
from utils.cluster import find_peers
from utils.errors import RunError, report_errors
from utils.run_folder import PRETRAINED, PRETRAINED_NOTE, find_checkpoint


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, _ = parse(predict_parser(), argv)
    peers = find_peers(args.distribute)
    from utils.cli import run_block
    from utils.data.image_size import set_max_pixels
    from utils.files import make_folder
    from utils.inference import Painter, Predictor, Results, load_trained, predict_images, predict_video
    from utils.inference.inputs import find_inputs, give_unique_names, tell_replaced
    from utils.inference.video import VideoReader, Window
    from utils.inference.video_writer import find_encoder
    from utils.progress import Console

    set_max_pixels(args.max_pixels)
    images, videos = find_inputs(args.image)
    path = find_checkpoint(args.checkpoint_path, args.checkpoint_dir, args.model, args.dataset, PRETRAINED, args.name)
    if path is PRETRAINED:  # and not the same path, given by --checkpoint_path
        print(f"No checkpoint is given: {PRETRAINED_NOTE}")
    size, tile = crop_size(args.crop_height, args.crop_width), tile_size(args.tile, args.overlap)
    window = Window("predict.py") if args.show else None
    videos = [VideoReader(source) for source in videos]
    give_unique_names(videos)  # before they are dealt out: all processes write to one folder
    images, videos = dict(peers.share(list(images.items()))), peers.share(videos)
    console = Console(args.progress)
    console.say("Loading model checkpoint weights ...")
    backend, settings, class_dict = load_trained(path, args.model, args.jit_compile, args.batch_statistics)
    painter = Painter(class_dict, args.classes, args.alpha, args.outlines)
    image_format = input_format(args, settings)
    kinds = {name: getattr(args, name) for name in ("overlay", "indices", "coverage", "confidence", "probabilities")}
    results = Results(
        make_folder(args.output_dir), painter, console, size=size, window=window, below=args.below, **kinds
    )
    console.say(
        run_block(predict_parser(), {**vars(args), "checkpoint_path": str(path)}, versions()),
        "\n***** Begin prediction *****",
        f"Model --> {settings['model']}, trained on {pathlib.Path(settings['dataset_path']).name}",
        f"Num Classes --> {class_dict.num_classes}",
        *([f"Process --> {peers.rank} of {peers.count}, which share the images and videos"] if peers.count > 1 else []),
        f"Images --> {len(images)}, videos --> {len(videos)}{f', written as {find_encoder().name}' if videos else ''}",
    )
    tell_replaced(results.folder, images.values(), videos)
    predictor = Predictor(backend, args.batch_size, args.scales, args.flip, tile, args.overlap, results.keep)
    try:
        errors = predict_images(predictor, images, results, image_format)
        for video in videos:
            predict_video(predictor, video, results, args.frames, image_format)
    finally:
        results.write_coverage("coverage.csv" if peers.count == 1 else f"coverage_{peers.rank}.csv")
        if told := results.unknown_share():
            print(told)
    if errors:
        raise RunError(f"{len(errors)} of {len(images)} images were not predicted: {'; '.join(errors)}")
    print(f"Finished: the results are in {results.folder}")
    return 0


def input_format(args, settings):
    """Returns the `ImageFormat` of the training, with the bands and the value range of the flags if they are set."""
    from utils.data.image_format import ImageFormat

    flags = {name: getattr(args, name) for name in ("bands", "image_range") if getattr(args, name)}
    channels = ImageFormat.from_settings(settings).channels
    return ImageFormat.from_settings({**settings, "input_channels": channels, **flags})


if __name__ == "__main__":
    sys.exit(main())
