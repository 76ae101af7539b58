"""Score a trained network on the test split.

    python test.py --checkpoint_path checkpoints/latest_model_DeepLabV3_plus_CamVid.keras

Model, classes and dataset are read from the checkpoint. Scores and predictions are written to
Test/<model>_<dataset>/.
"""

import contextlib
import pathlib
import sys

from utils.backend import versions
from utils.cli import parse, test_parser
from utils.cli.checks import crop_size, tile_size
from utils.errors import UsageError, report_errors
from utils.peers import ALONE


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args, _ = parse(test_parser(), argv)
    peers = join_peers(args)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.class_dict import ClassDict
    from utils.cli import run_block
    from utils.data.folder import dataset_of_run, list_pairs, other_labels, read_classes
    from utils.data.image_format import ImageFormat
    from utils.data.image_size import set_max_pixels
    from utils.data.report import check_labeled, describe_labels, scoring_warnings
    from utils.data.verification import check_splits, describe_check
    from utils.run_folder import find_checkpoint
    from utils.settings import check_classes, checkpoint_identity, read_checkpoint

    path = find_checkpoint(args.checkpoint_path, args.checkpoint_dir, args.model, args.dataset, name=args.name)
    crop, tile = crop_size(args.crop_height, args.crop_width), tile_size(args.tile, args.overlap)
    from utils.inference import load_trained
    from utils.progress import Console

    console = Console(args.progress if peers.is_chief else "quiet")
    console.say("Retrieving dataset information ...")
    backend, settings, _ = load_trained(path, args.model, args.jit_compile, args.batch_statistics)
    class_dict = ClassDict.from_dict(settings, args.unknown_colours)
    label_format = args.label_format or settings.get("label_format", "auto")
    from utils.evaluation import evaluate
    from utils.evaluation.result_folder import result_folder, result_path
    from utils.inference import Predictor
    from utils.report import Collector, command_line, describe_test, network_name, write_page

    folder = find_or_make_dataset(dataset_of_run(settings["dataset_path"], args.dataset))
    classes_of_folder = read_classes(folder, settings.get("ignore_class", ()), label_format=label_format)
    class_dict.label_format = classes_of_folder.label_format
    orientation = args.image_orientation or settings.get("image_orientation", "auto")
    class_dict.orientation = classes_of_folder.orientation if orientation == "auto" else orientation
    image_format = ImageFormat.from_settings(settings)
    set_max_pixels(args.max_pixels or settings.get("max_pixels"))
    remedy = "give the --dataset of its training, or train on this one"
    check_classes(path, settings, classes_of_folder.class_names, folder, remedy)
    problems = []
    pairs = list_pairs(folder, args.split, problems)
    others = other_labels(folder, pairs)
    options = {"image_format": image_format, "peers": peers, "console": console}
    checked = check_splits({args.split: pairs}, class_dict, args.verify, args.workers, problems, others, **options)
    statistics = checked[args.split]
    check_labeled(args.split, statistics)
    output = result_path(args.output_dir, settings, folder)
    record = {**vars(args), "checkpoint_path": str(path), "dataset": str(folder), "versions": versions()}
    del record["distribute"]  # the scores are the same
    record |= {"output_dir": str(output), "checkpoint": checkpoint_identity(path)}
    console.say(
        run_block(test_parser(), record, record["versions"]),
        f"Dataset --> {folder} ({len(pairs)} {args.split} images)",
        describe_labels(statistics, class_dict),
        *filter(None, [describe_check([statistics])]),
        f"Model --> {settings['model']}",
        f"Image size --> {f'upper left {crop[0]}x{crop[1]}' if crop else 'whole images'}",
    )
    for warning in scoring_warnings(args.split, statistics, class_dict):
        print(f"warning: {warning}")
    keep = "confidence" if args.report else "classes"
    predictor = Predictor(backend, args.batch_size, args.scales, args.flip, tile, args.overlap, keep)
    collector = Collector(class_dict, len(pairs)) if args.report else None
    with contextlib.ExitStack() as stack:
        if peers.is_chief:
            files = stack.enter_context(result_folder(output, record, keeps_others=args.output_dir is None))
        files = pathlib.Path(peers.gather(str(files) if peers.is_chief else None)[0])
        with console.progress("Test images", len(pairs)) as progress:
            options = {"progress": progress.count, "workers": args.workers, "image_format": image_format}
            options["peers"] = peers
            evaluation = evaluate(predictor, pairs, class_dict, crop, files, observe=collector, **options)
        speeds = peers.gather(predictor.images_per_second)
        if not peers.is_chief:
            return 0
        draw_samples(files, evaluation.image_scores, pairs, class_dict, crop, image_format)
        measures = collector.measures() if collector and not collector.problem else {}
        speed = None if None in speeds else sum(speeds)
        scores = report(files, record, evaluation, pairs, class_dict, speed, measures)
        if collector:
            network = network_name(settings["model"], settings.get("frontend"))
            about = describe_test(record, network, len(pairs), command_line("test.py", argv))
            title = f"{settings['model']} on {folder.resolve().name}, {args.split}"
            log = read_checkpoint(path)[1].get("log", []) if path.suffix == ".keras" else []
            has_page = write_page(files, title, about, evaluation, scores, class_dict, collector, log)
    page = "report.html, " if collector and has_page else ""
    print(f"Wrote {page}scores.json, {args.split}_scores.csv, samples.png, confusion.png and predictions to {output}")
    return 0


def join_peers(args):
    """Returns the processes that score together, see `--distribute`."""
    if args.distribute == "none":
        return ALONE
    for flag in ("report", "batch_statistics"):
        if getattr(args, flag):
            raise UsageError(f"--{flag} needs all images in one process; leave out --distribute cluster")
    from utils.distribution import join_cluster

    return join_cluster()


def draw_samples(output, image_scores, pairs, class_dict, crop, image_format):
    """Draws the images with the worst, the median and the best mean IoU beside their label and prediction."""
    from utils.evaluation.samples import plot_samples, read_sample, worst_median_best

    samples = []
    for rank, index in worst_median_best([scores.mean_iou for scores in image_scores]).items():
        sample = read_sample(pairs[index], image_scores[index], output, class_dict, crop, image_format)
        samples.append(sample._replace(name=f"{rank}: {sample.name}"))
    plot_samples(output / "samples.png", samples, class_dict)


def report(output, record, evaluation, pairs, class_dict, images_per_second, measures):
    """Writes the scores, with the settings of the test, prints them and returns them without the settings."""
    from utils.evaluation.plots import plot_confusion
    from utils.evaluation.reports import class_table, headline, suite_means, write_image_scores
    from utils.files import write_json
    from utils.metrics import mean_scores

    confusion, image_scores, _ = evaluation
    scores = confusion.result(images_per_second)
    names, split = class_dict.class_names, record["split"]
    columns = f"{split}_name", f"{split}_accuracy"
    write_image_scores(output / f"{split}_scores.csv", columns, pairs, image_scores, names)
    plot_confusion(output / "confusion.png", confusion.matrix, names)
    means = {name: None if mean != mean else mean for name, mean in mean_scores(image_scores)._asdict().items()}
    means["class_accuracy"] = dict(zip(names, means["class_accuracy"]))
    all_scores = {**scores, "mean_of_per_image_scores": means, **measures, "settings": record}
    write_json(output / "scores.json", all_scores)
    print(class_table(scores), headline(scores), suite_means(image_scores), sep="\n")
    if images_per_second:
        print(f"Images per second (network alone, first batch of each size left out) = {images_per_second:.2f}")
    return scores


if __name__ == "__main__":
    sys.exit(main())
