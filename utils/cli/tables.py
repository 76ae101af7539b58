"""Text tables on the console: networks, frontends, and the settings of a run."""

import shutil
import textwrap
from collections.abc import Sequence

from frontends import FRONTENDS
from models import MODELS
from utils.cli.parser import Parser
from utils.text import display_width, pad

MAX_VALUES = 6  # values of one setting that are shown, such as images

# The original suite's names of settings in the announcement of a training.
RUN_NAMES = {
    "Crop Height": "crop_height",
    "Crop Width": "crop_width",
    "Num Epochs": "num_epochs",
    "Batch Size": "batch_size",
    "Num Classes": "num_classes",
}
AUGMENTATION_NAMES = {
    "Vertical Flip": "v_flip",
    "Horizontal Flip": "h_flip",
    "Brightness Alteration": "brightness",
    "Rotation": "rotation",
    "Zoom": "zoom",
    "Scale": "scale_range",
    "Colors": "color_jitter",
    "CutMix": "cutmix",
}


def models_table() -> str:
    """Formats `MODELS` as a table as wide as the terminal."""
    rows = [
        [name, "yes" if row.frontend else "-", str(len(row.heads) or "-"), f"{row.paper}: {row.special}"]
        for name, row in MODELS.items()
    ]
    return table(["--model", "frontend", "auxiliary losses", "paper: key idea"], rows)


def frontends_table() -> str:
    """Formats `FRONTENDS` as a table as wide as the terminal."""
    rows = []
    for name, row in FRONTENDS.items():
        strides = " ".join(str(2**level) for level, tap in enumerate(row.taps, 1) if tap is not None)
        output_strides = "8, 16" if row.dilates else "-"
        size = f"{row.smallest_size}x{row.smallest_size}"
        rows.append([name, f"{row.parameters / 1e6:.1f} M", size, strides, output_strides, row.paper])
    return table(["--frontend", "parameters", "smallest", "strides", "--output_stride", "paper"], rows)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats columns of text; the last column is wrapped to the width of the terminal."""
    widths = [max(map(display_width, column)) for column in zip(header, *rows)][:-1]
    indent = sum(widths) + 2 * len(widths)
    last_width = max(24, shutil.get_terminal_size((120, 0)).columns - indent - 1)
    lines = []
    for *cells, last in [header, *rows]:
        first, *more = textwrap.wrap(last, last_width, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append("".join(f"{pad(cell, width)}  " for cell, width in zip(cells, widths)) + first)
        lines += [" " * indent + line for line in more]
    return "\n".join(lines)


def run_block(parser: Parser, settings: dict, versions: dict[str, str]) -> str:
    """Formats the settings of a run, as `settings_block` does, and the versions of its packages."""
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{settings_block(parser, settings)}\nVersions: {listed}"


def training_block(settings: dict, heads: dict, parameters: int, device: str, num_images: tuple[int, int]) -> str:
    """Describes a training that is about to start, in the original suite's words.

    Args:
        settings: flags of train.py, and "dataset_path" and "num_classes".
        heads: the auxiliary heads, a dict from name to `models.Head`.
        parameters: number of trainable parameters.
        device: backend and device.
        num_images: numbers of training and of validation images.
    """
    on_frontend = f" on {settings['frontend']}" if MODELS[settings["model"]].frontend else ""
    training, validation = num_images
    several = isinstance(settings.get("dataset"), list)
    dataset = ", ".join(settings["dataset"]) if several else settings["dataset_path"]
    return "\n".join(
        [
            f"This model has {parameters} trainable parameters",
            "\n***** Begin training *****",
            f"Dataset --> {dataset} ({training} training, {validation} validation images)",
            f"Model --> {settings['model']}{on_frontend}",
            f"Backend --> {device}",
            *(f"{name} --> {settings[key]}" for name, key in RUN_NAMES.items()),
            *(f"Auxiliary Loss --> {name} ({head.kind}), weight {head.weight}" for name, head in heads.items()),
            "Data Augmentation:",
            *(f"\t{name} --> {settings[key]}" for name, key in AUGMENTATION_NAMES.items()),
            "",
        ]
    )


def settings_block(parser: Parser, settings: dict) -> str:
    """Formats the flags of a run in the groups of `--help`, with a star at values other than the default.

    Args:
        parser: a parser whose defaults are unchanged.
        settings: values by the name of the flag; names of no flag are left out.

    Returns:
        Lines of at most 118 columns.
    """
    lines = ["Settings (* = not the default):"]
    groups = parser.groups()
    indent = max(map(len, groups)) + 4
    for title, flags in groups.items():
        items = [
            f"{'' if settings[flag.dest] == flag.default else '*'}{flag.dest} {format_value(settings[flag.dest])}"
            for flag in flags
            if flag.dest in settings
        ]
        if items:
            text = " | ".join(item.replace(" ", "\0") for item in items)  # lines break between items only
            wrapped = textwrap.wrap(
                text,
                116,
                initial_indent=f"  {title}:".ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += [line.replace("\0", " ").removesuffix(" |") for line in wrapped]
    return "\n".join(lines)


def format_value(value) -> str:
    """Formats the value of a setting; long lists are shortened."""
    if value is None or value == []:
        return "-"
    if not isinstance(value, (list, tuple)):
        return str(value)
    more = len(value) - MAX_VALUES
    return ", ".join(map(str, value[:MAX_VALUES])) + (f" and {more} more" if more > 0 else "")
