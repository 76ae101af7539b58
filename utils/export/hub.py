"""Folder of a network for a model hub: Keras file, model card, configuration, labels and scores."""

import json
import pathlib

from models import MODELS
from utils.class_dict import ClassDict
from utils.data.image_format import ImageFormat
from utils.errors import UsageError
from utils.export.write import BundleInputs, ExportOptions, without_folders, write_export
from utils.files import write_json
from utils.inference.predictor import SIZE_MULTIPLE
from utils.runs.scores import SCORES, CheckpointScores, read_test

# Flags of train.py that a reader of the card wants first; the rest is in config.json.
RECIPE = ("batch_size", "crop_height", "crop_width", "optimizer", "learning_rate", "schedule", "loss", "num_epochs")
CARD = """\
---
library_name: keras
pipeline_tag: image-segmentation
tags:
{tags}
# license: yours to choose; it also depends on the data, see "Training".
{results}---

# {title}

Semantic segmentation of {images} into {count} classes, by {network} of the Semantic Segmentation Suite (TensorFlow /
Keras 3).

{architecture}

| file | contents |
|---|---|
| `model.keras` | network and settings; its output is logits |
| `config.json` | network, classes, colors, settings of the training |
| `preprocessor_config.json` | images that it takes |
| `class_dict.csv` | names and colors of the classes |
{score_file}
## Use

```
python predict.py --checkpoint_path {folder} --image street.jpg
python test.py --checkpoint_path {folder} --dataset DATASET
```

Or in Python, in a checkout of the suite:

```python
from utils.inference import Predictor, load_trained

backend, settings, classes = load_trained("{folder}")
indices = next(iter(Predictor(backend)([(0, image)])))[1]  # image: uint8 (H, W, {channels}), RGB
```

Preprocessing is inside the network. Images are padded with black to multiples of {multiple} on the right and at the
bottom.

## Scores

{scores}
## Training

Trained on {dataset}. License and terms of these data hold for the network too: check them before you publish it.

| setting | value |
|---|---|
{recipe}

Written by `{command}`.
"""


def check(settings: dict, inputs: BundleInputs) -> None:
    """Raises UsageError if `--scores` is not a scores.json of these classes."""
    if inputs.scores:
        find_scores(inputs.scores, inputs.checkpoint, ClassDict.from_dict(settings).class_names)


def write_bundle(folder: pathlib.Path, model, settings: dict, options: ExportOptions, inputs: BundleInputs) -> None:
    """Writes the folder; see `write.write_export`."""
    settings = without_folders(settings)
    classes = ClassDict.from_dict(settings)
    found = find_scores(inputs.scores, inputs.checkpoint, classes.class_names)
    write_export(folder, "model.keras", model, settings, options._replace(format="keras"))
    image_format = ImageFormat.from_settings(settings)
    rows = list(zip(classes.class_names, classes.label_values.tolist()))
    files = {
        "config.json": {
            "model": settings["model"],
            "frontend": settings["frontend"] if MODELS[settings["model"]].frontend else None,
            "num_classes": classes.num_classes,
            "id2label": {str(index): name for index, (name, _) in enumerate(rows)},
            "label2id": {name: index for index, (name, _) in enumerate(rows)},
            "colors": dict(rows),
            "parameters": model.count_params(),
            "settings": settings,
        },
        "preprocessor_config.json": {
            "dtype": "uint8",
            "channels": image_format.channels,
            "channel_order": "RGB" if image_format == ImageFormat() else "bands as in config.json",
            "size_multiple": SIZE_MULTIPLE,
            "padding": "black, right and bottom",
            "rescaling_and_normalization": "inside the network",
        },
    }
    for name, values in files.items():
        write_json(folder / name, values)
    table = "".join(f"{name},{r},{g},{b}\n" for name, (r, g, b) in rows)
    (folder / "class_dict.csv").write_text("name,r,g,b\n" + table, encoding="utf-8")
    if found:
        scores = {**found.scores, "settings": without_folders(found.scores["settings"])}
        write_json(folder / SCORES, scores)
    card = model_card(folder.name, settings, model, found, inputs.command)
    (folder / "README.md").write_text(card, encoding="utf-8")


def hint(path: pathlib.Path) -> str:
    """Returns how to publish the folder, and whether the card has scores."""
    scores = (
        "" if (path / SCORES).is_file() else " No scores.json of this checkpoint was found: run test.py, or --scores."
    )
    return f"Choose a license in {path / 'README.md'} before you publish it: hf upload USER/NAME {path}.{scores}"


def find_scores(path: str | None, checkpoint: pathlib.Path, class_names: list[str]) -> CheckpointScores | None:
    """Reads the scores of a checkpoint.

    Args:
        path: of scores.json, or None: the newest one in Test/ and beside the checkpoint that scored this checkpoint and
            is not older.
        checkpoint: path of the checkpoint.
        class_names: of the network.

    Returns:
        `CheckpointScores`, or None if there are none.

    Raises:
        UsageError: if `path` is not a scores.json of these classes.
    """
    if path:
        test = read_test(pathlib.Path(path))
        if test is None:
            raise UsageError(f"--scores {path} is not a scores.json of test.py")
        if list(test.scores.get("class_iou", {})) != list(class_names):
            raise UsageError(f"--scores {path} has other classes than {checkpoint}")
        return test
    places = {pathlib.Path("Test"): "**/", checkpoint.resolve().parent: ""}
    paths = [found for place, pattern in places.items() for found in place.glob(pattern + SCORES)]
    tests = [test for test in map(read_test, paths) if test and checkpoint.resolve() in test.checkpoints]
    tests = [test for test in tests if test.time >= checkpoint.stat().st_mtime]
    return max(tests, key=lambda test: test.time, default=None)


def model_card(folder: str, settings: dict, model, found: CheckpointScores | None, command: str) -> str:
    """Returns the model card, Markdown with metadata in YAML."""
    name, dataset = settings["model"], pathlib.PurePath(settings["dataset_path"]).name
    architecture, image_format = MODELS[name], ImageFormat.from_settings(settings)
    classes = ClassDict.from_dict(settings)
    network = f"{name} on {settings['frontend']}" if architecture.frontend else name
    tags = ["semantic-segmentation", "image-segmentation", "keras", "tensorflow", name.lower(), dataset.lower()]
    rows = [f"| `{flag}` | {settings[flag]} |" for flag in RECIPE if settings.get(flag) is not None]
    return CARD.format(
        tags="\n".join(f"- {json.dumps(tag)}" for tag in dict.fromkeys(tags)),
        results=model_index(f"{network}, {dataset}", dataset, found) if found else "",
        title=f"{network}, trained on {dataset}",
        images="RGB images" if image_format == ImageFormat() else f"images of {image_format.channels} bands",
        count=classes.num_classes,
        network=network,
        architecture=f"{name}: {architecture.special} ({architecture.paper}). {model.count_params():,} parameters.",
        score_file=f"| `{SCORES}` | all scores |\n" if found else "",
        folder=folder,
        channels=image_format.channels,
        multiple=SIZE_MULTIPLE,
        scores=score_table(folder, found) if found else "Not measured: there was no scores.json of test.py.\n",
        dataset=dataset,
        recipe="\n".join(rows),
        command=command,
    )


def model_index(name: str, dataset: str, found: CheckpointScores) -> str:
    """Returns the metadata of the scores in YAML, as model hubs read them."""
    scored, split = found.flags.get("dataset") or dataset, found.flags.get("split") or "test"
    values = {"mean_iou": "Mean IoU", "global_accuracy": "Pixel accuracy"}
    metrics = [(key, found.scores[key], label) for key, label in values.items()]
    metrics += [("iou", value, f"IoU of {label}") for label, value in found.scores["class_iou"].items()]
    lines = [
        "model-index:",
        f"- name: {json.dumps(name)}",
        "  results:",
        "  - task: {type: image-segmentation, name: Semantic segmentation}",
        f"    dataset: {{name: {json.dumps(scored)}, type: {json.dumps(scored.lower())}, split: {json.dumps(split)}}}",
        "    metrics:",
    ]
    for key, value, label in metrics:
        if value is not None:
            lines.append(f"    - {{type: {key}, value: {value:.4f}, name: {json.dumps(label)}}}")
    return "\n".join(lines) + "\n"


def score_table(folder: str, found: CheckpointScores) -> str:
    """Returns the scores as text and a table, and the command that repeats them."""
    scores, settings = found.scores, without_folders(found.scores["settings"])
    flags = {"scales", "flip", "tile", "batch_statistics", "crop_height", "crop_width", "batch_size"}
    flags |= {"overlap"} if settings.get("tile") else set()
    given = {name: settings[name] for name in sorted(flags) if settings.get(name) not in (None, False, 0, [1.0])}
    options = "".join(
        f" --{name} {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in given.items()
    )
    split, dataset = settings.get("split") or "test", pathlib.PurePath(settings.get("dataset") or "").name
    rows = [
        f"| {name} | {'-' if value is None else f'{100 * value:.1f}'} |" for name, value in scores["class_iou"].items()
    ]
    images = f"{scores['images']} images of " if scores.get("images") else ""
    return (
        f"On {images}the {split} split of {dataset}: mean IoU {100 * scores['mean_iou']:.1f} %, pixel accuracy "
        f"{100 * scores['global_accuracy']:.1f} %.\n\n| class | IoU, % |\n|---|---|\n" + "\n".join(rows) + "\n\n"
        f"Repeat with `python test.py --checkpoint_path {folder} --dataset {dataset} --split {split}{options}`.\n"
    )
