"""Reference tables of the documentation: flags, losses, dataset formats, networks and frontends."""

import argparse
import json
import pathlib
import re

from frontends import FRONTENDS
from models import MODELS
from tools.formats import FORMATS
from tools.results.records import recorded
from utils.cli import Parser, train_parser
from utils.cli.choices import RECIPES
from utils.cli.parser import MAX_CHOICES
from utils.losses import LOSSES

COUNTS = pathlib.Path(__file__).resolve().parent / "models.json"  # parameters and operations of every network
NUM_CLASSES = 12
SIZE = 512  # pixels, height and width for which operations are counted
DEFAULT_FRONTEND = "ResNet101"

# By structure: what the members share, and their names. Networks of no family come last, in a table of their own.
FAMILIES = {
    "Encoder-decoders": (
        "symmetric levels down and up; most have no frontend and train from scratch",
        "FC-DenseNet56 FC-DenseNet67 FC-DenseNet103 Encoder-Decoder Encoder-Decoder-Skip FRRN-A FRRN-B MobileUNet "
        "MobileUNet-Skip UNet UNet-Frontend",
    ),
    "Context modules": (
        "pyramid pooling, dilated convolutions or scene encoding on the deepest features of a frontend",
        "PSPNet DeepLabV3 DeepLabV3_plus DenseASPP EncNet AdapNet",
    ),
    "Multi-level refinement": (
        "the levels of a frontend are merged from coarse to fine",
        "RefineNet GCN DDSC DFN ExFuse custom",
    ),
    "Real-time networks": (
        "few operations: a reduced image or a light decoder",
        "BiSeNet ICNet LinkNet",
    ),
}
OTHERS = "Other networks"


def family_members() -> dict[str, list[str]]:
    """The networks of each family, and under "Other networks" those of none."""
    members = {family: [name for name in names.split() if name in MODELS] for family, (_, names) in FAMILIES.items()}
    known = {name for names in members.values() for name in names}
    others = [name for name in MODELS if name not in known]
    return members | ({OTHERS: others} if others else {})


def formats_table() -> str:
    """A row per format that tools/convert_dataset.py reads."""
    rows = [f"| `{name}` | {row.contains} | {row.result} |" for name, row in FORMATS.items()]
    return "\n".join(["| `--format` | `--source` contains | result |", "|---|---|---|", *rows])


def families_table() -> str:
    """A row per family: structure, members, and the best recorded mean IoU on CamVid."""
    best = {}
    for name, experiment in recorded("camvid").items():  # best first
        best.setdefault(experiment["train"]["model"], (name, experiment["result"]["mean_iou"]))
    lines = ["| family | networks | best on CamVid, mean IoU |", "|---|---|---|"]
    for family, names in family_members().items():
        text = FAMILIES[family][0] if family in FAMILIES else "networks of your own"
        scores = {model: best[model][1] for model in names if model in best}
        model = max(scores, key=scores.get, default=None)
        cell = f"{100 * scores[model]:.1f} %, `{model}`" if model else "-"
        members = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| [{family}](docs/models.md#{anchor(family)}): {text} | {members} | {cell} |")
    return "\n".join(lines)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def models_table() -> str:
    """A section per family with a row per network: paper, size, operations, auxiliary heads."""
    counts = read_counts()
    sections = []
    for family, names in family_members().items():
        lines = [
            "| `--model` | paper | frontend | parameters | GFLOPs | auxiliary heads | structure |",
            "|---|---|---|---|---|---|---|",
        ]
        for name in names:
            row, count = MODELS[name], counts[name]
            cells = (
                f"[`{name}`](../models/{row.module}.py)",
                row.paper,
                "yes" if row.frontend else "-",
                f"{count['parameters'] / 1e6:.1f} M",
                f"{count['flops'] / 1e9:.0f}",
                heads_text(row.heads),
                row.special,
            )
            lines.append(f"| {' | '.join(cells)} |")
        text = f"{FAMILIES[family][0].capitalize()}.\n\n" if family in FAMILIES else ""
        sections.append(f"### {family}\n\n{text}" + "\n".join(lines))
    return "\n\n".join(sections)


def read_counts() -> dict:
    """The recorded counts: from a network's name to a dict with "parameters" and "flops"."""
    return json.loads(COUNTS.read_text(encoding="utf-8"))


def count_model(name: str) -> dict[str, int]:
    """Counts the trainable parameters of a network and the operations for one image.

    Args:
        name: a key of `MODELS`; it is built with 12 classes, on ResNet101 if it has a frontend, for 512x512 pixels.
    """
    from models import build_model
    from utils.benchmark.complexity import count_flops, count_parameters, without_weights

    with without_weights():
        model = build_model(name, NUM_CLASSES, DEFAULT_FRONTEND, (SIZE, SIZE, 3))
    return {"parameters": count_parameters(model), "flops": count_flops(model)}


def heads_text(heads: dict) -> str:
    """A network's auxiliary heads in a few words, such as "pixels 0.4, presence 0.2"."""
    weights = {}
    for head in heads.values():
        weights.setdefault(head.kind, []).append(f"{head.weight:g}")
    return ", ".join(f"{kind} {' + '.join(values)}" for kind, values in weights.items()) or "-"


def frontends_table() -> str:
    """A row per frontend: its paper, its size, and the channels of its features at each stride."""
    channels = "channels at stride 2, 4, 8, 16, 32"
    lines = [
        f"| `--frontend` | paper | parameters | {channels} | `--output_stride` | network in Keras |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in FRONTENDS.items():
        channels = ", ".join(str(count or "-") for count in row.channels)
        paper = with_links(row.paper)
        strides = "8, 16" if row.dilates else "-"
        lines.append(f"| `{name}` | {paper} | {row.parameters / 1e6:.1f} M | {channels} | {strides} | {row.network} |")
    return "\n".join(lines)


def losses_table() -> str:
    """A row per loss: its paper, and whether it takes label smoothing."""
    lines = ["| `--loss` | paper | `--label_smoothing` |", "|---|---|---|"]
    for name, row in LOSSES.items():
        lines.append(f"| `{name}` | {with_links(row.paper)} | {'yes' if row.smoothing else '-'} |")
    return "\n".join(lines)


def with_links(paper: str) -> str:
    """A paper such as "He 2016, 1512.03385" whose arXiv number is a link."""
    return re.sub(r"(\d{4}\.\d{4,5})", r"[\1](https://arxiv.org/abs/\1)", paper)


def flags_table(parser: Parser) -> str:
    """A row per flag of a parser, in the groups and words of `--help`."""
    lines = ["| flag | default | meaning |", "|---|---|---|"]
    for title, actions in parser.groups().items():
        flags = [action for action in actions if action.option_strings and action.dest != "help"]
        if flags and title != "help":
            lines.append(f"| **{title}** | | |")
            lines += [f"| {' | '.join(map(escaped, flag_cells(flag)))} |" for flag in flags]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def flag_cells(action: argparse.Action) -> tuple[str, str, str]:
    """A flag with its placeholder, its default, and its meaning."""
    text = re.sub(r" \((height|width)\)$", "", (action.help or "").replace("%%", "%"))
    default = "required" if action.required else value_text(action.default)
    at_end = re.fullmatch(r"(?:(.*)[;,] )?default: ([^.]*|[^ ]*)", text)  # such as "steps; default: all images once"
    if at_end:
        text, default = at_end[1] or "", at_end[2]
    choices = [str(choice) for choice in action.choices or ()]
    if len(choices) <= MAX_CHOICES and not all(re.search(rf"\b{choice}\b", text) for choice in choices):
        text += f"{'; ' if text else ''}one of {', '.join(f'`{choice}`' for choice in choices)}"
    placeholder = action.metavar if action.nargs not in ("?", 0) else None
    placeholder = " ".join(placeholder) if isinstance(placeholder, tuple) else placeholder
    flag = " ".join(part for part in (action.option_strings[-1], placeholder) if part)
    return f"`{flag}`", default, re.sub(r"(?<!`)(--\w+)", r"`\1`", text)


def value_text(value) -> str:
    """A default as it would be typed."""
    if value in (None, argparse.SUPPRESS, [], ()):
        return "-"
    if isinstance(value, (list, tuple)):
        return " ".join(value_text(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def presets_table() -> str:
    """A row per flag that `--recipe strong` changes: both defaults."""
    parser = train_parser()
    lines = ["| flag | `suite` | `strong` |", "|---|---|---|"]
    for flag, value in RECIPES["strong"].items():
        lines.append(f"| `--{flag}` | {value_text(parser.get_default(flag))} | {value_text(value)} |")
    return "\n".join(lines)
