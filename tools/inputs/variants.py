"""Variants of datasets: classes, contents, meanings of the stored values and forms of the files, drawn at random."""

from typing import NamedTuple

import numpy as np

from tools.inputs.storage import BLACK, PALETTES, STORAGES, VOID, WHITE, palette_colors

NO_MASK = 100  # a value that is not the object of a mask
MIN_DISTANCE = 60  # of class colors, so that a lossy file keeps its areas
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
STREET = {
    "Sky": (128, 128, 128), "Building": (128, 0, 0), "Pole": (192, 192, 128), "Road": (128, 64, 128),
    "Pavement": (0, 0, 192), "Tree": (128, 128, 0), "Sign": (192, 128, 128), "Fence": (64, 64, 128),
    "Car": (64, 0, 128), "Pedestrian": (64, 64, 0), "Cyclist": (0, 128, 192), "Void": (0, 0, 0),
}  # fmt: skip
DICTIONARIES = {  # name: rows of class_dict.csv, ignored classes
    "black white": ({"background": BLACK, "object": WHITE}, ()),
    "white black": ({"object": WHITE, "background": BLACK}, ()),
    "black red": ({"background": BLACK, "object": RED}, ()),
    "red black": ({"object": RED, "background": BLACK}, ()),
    "red green": ({"object": RED, "background": GREEN}, ()),
    "white red": ({"object": WHITE, "other": RED}, ()),
    "3 grays": ({"background": BLACK, "road": (128,) * 3, "car": WHITE}, ()),
    "3 grays, 1 ignored": ({"background": BLACK, "road": (128,) * 3, "car": WHITE}, ("road",)),
    "grays 2 1 0": ({"a": (2,) * 3, "b": (1,) * 3, "c": BLACK}, ()),
    "4 colors": ({"red": RED, "green": GREEN, "blue": BLUE, "black": BLACK}, ()),
    "4 colors, 1 ignored": ({"red": RED, "green": GREEN, "blue": BLUE, "black": BLACK}, ("green",)),
    "4 colors, white": ({"background": BLACK, "red": RED, "white": WHITE, "blue": BLUE}, ()),
    "12 classes": (STREET, ()),
    "12 classes, 1 ignored": (STREET, ("Void",)),
    "12 classes, 2 ignored": (STREET, ("Sky", "Fence")),
}
CONTENTS = (
    "all", "some empty", "train empty", "val empty", "one class", "few classes", "void", "void in one file",
    "a file of void", "unknown", "unknown in val",
)  # fmt: skip
MEANINGS = "colors", "indices", "masks", "indices from 1"
FEW = "one class", "few classes"  # contents without some classes


class Part(NamedTuple):
    """The form of some of the files: a name of `STORAGES`, `MEANINGS` and `PALETTES`; the value of a mask's object."""

    storage: str
    meaning: str
    palette: str = ""
    value: int = 1

    @property
    def has_no_class(self) -> bool:
        """Whether values are of no class: they start at 1, or a mask has a value that is none of an object."""
        return self.meaning == "indices from 1" or (self.value == NO_MASK and self.palette != "black and white")


class Variant(NamedTuple):
    """A dataset to be generated: names of `DICTIONARIES` and `CONTENTS`, forms of its files in turn, and a seed."""

    classes: str
    content: str
    parts: tuple[Part, ...]
    seed: int = 0

    @property
    def rows(self) -> dict:
        """Colors of the rows of class_dict.csv by name."""
        return DICTIONARIES[self.classes][0]

    @property
    def ignored(self) -> list[str]:
        """Names of the classes for `--ignore_class`."""
        return list(DICTIONARIES[self.classes][1])

    @property
    def is_lossy(self) -> bool:
        """Whether a file changes colors."""
        return any(STORAGES[part.storage].lossy for part in self.parts)


def draw_variant(rng: np.random.Generator, storage: str, mixed: float = 0.15) -> Variant:
    """Draws a variant that can be stored.

    Args:
        rng: random generator.
        storage: name of `STORAGES`, the form of the files.
        mixed: the chance that half of the files have another form.

    Returns:
        `Variant`.
    """
    while True:
        classes, content = str(rng.choice(list(DICTIONARIES))), str(rng.choice(CONTENTS))
        parts = [_draw_part(rng, storage)]
        if rng.random() < mixed:
            parts.append(_draw_part(rng, str(rng.choice(list(STORAGES)))))
        variant = Variant(classes, content, tuple(parts), int(rng.integers(1 << 31)))
        if is_possible(variant):
            return variant


def is_possible(variant: Variant) -> bool:
    """Returns whether the dataset can be stored so, with one meaning for the files of a kind."""
    kinds, meanings = {_kind(part) for part in variant.parts}, {(part.meaning, part.value) for part in variant.parts}
    if len(variant.parts) > 1 and (variant.is_lossy or len(meanings) > len(kinds)):
        return False  # the files of a kind mean the same
    return all(_can_hold(part, variant) for part in variant.parts)


def background_row(rows: dict) -> int:
    """Returns the row of 0 in masks: black, else named background, else the first that is not white."""
    colors, names = list(rows.values()), list(rows)
    if BLACK in colors:
        return colors.index(BLACK)
    return names.index("background") if "background" in names else int(colors[0] == WHITE)


def _draw_part(rng, storage):
    """Draws meaning, palette and value of files of a form."""
    form, meaning = STORAGES[storage], str(rng.choice(MEANINGS, p=[0.4, 0.35, 0.2, 0.05]))
    palette = str(rng.choice(PALETTES)) if form.channels == "palette" else ""
    value = int(rng.choice([1, 255, form.most, NO_MASK], p=[0.3, 0.3, 0.3, 0.1])) if meaning == "masks" else 1
    return Part(storage, meaning, palette, value)


def _can_hold(part, variant):
    """Returns whether a form has room for all values, and shows nothing else than what is meant."""
    form, content = STORAGES[part.storage], variant.content
    has_void, has_unknown = "void" in content, "unknown" in content
    needed = len(variant.rows) + has_unknown + (part.meaning == "indices from 1")
    if has_void and form.most < VOID:
        return False
    if form.lossy and (has_void or has_unknown or _least_distance(variant.rows) < MIN_DISTANCE):
        return False
    if part.meaning == "masks":
        return not has_void and not has_unknown and _can_hold_masks(part, form, variant)
    if part.meaning == "indices from 1" and content not in ("all", "void"):
        return False  # without the last class they are indices from 0
    if form.channels == "palette":
        return needed <= form.most + 1 and _palette_can_hold(part, variant)
    if part.meaning == "colors":
        return not has_void and (form.channels == "rgb" or _can_hold_grays(form, variant))
    if form.lossy or (_kind(part) == "rgb" and _shows_other_classes(variant)):
        return False
    if form.most == 1 and len(variant.rows) == 2 and next(iter(variant.rows.values())) == WHITE:
        return False  # one bit is black and white
    return content in FEW or needed <= form.most + 1


def _can_hold_masks(part, form, variant):
    """Returns whether files can have the value of the object; JPEG keeps only black and white."""
    if len(variant.rows) > 2 or part.palette not in ("", "gray ramp", "black and white"):
        return False
    if (form.lossy and part.value != 255) or (part.palette == "gray ramp" and part.value not in (1, 255)):
        return False
    if variant.content == "one class" and (part.has_no_class or variant.classes == "white red"):
        return False  # without the object there is nothing to refuse, and white is that class
    return part.value <= form.most and part.storage != "gif optimized"


def _can_hold_grays(form, variant):
    """Returns whether all class colors are grays of this depth."""
    has_room = form.most > 1 or "unknown" not in variant.content
    return has_room and all(len(set(color)) == 1 and color[0] % form.scale == 0 for color in variant.rows.values())


def _palette_can_hold(part, variant):
    """Returns whether a palette shows what is meant: one of class colors means these."""
    rows, has_void = list(variant.rows.values()), "void" in variant.content
    if part.meaning == "colors":
        if has_void and part.storage != "png palette" and (part.palette == "short" or part.storage == "gif optimized"):
            return False  # index 255 is filled with black, or renumbered
        return part.palette in ("of the classes", "shuffled", "short")
    if part.storage == "gif optimized" or part.palette in ("shuffled", "short", "black and white"):
        return False
    if part.palette == "of the classes":
        return part.meaning == "indices"
    shown = enumerate(palette_colors(part.palette, rows, 256)[: len(rows)])
    return not any(color in rows and rows.index(color) != index for index, color in shown)


def _kind(part):
    """Returns the kind of a file; a palette of grays can be taken for gray values."""
    if part.storage == "webp gray":
        return "rgb"
    return "gray" if "gif" in part.storage or part.palette == "gray ramp" else STORAGES[part.storage].channels


def _shows_other_classes(variant):
    """Returns whether small numbers in RGB files are colors of other rows."""
    grays = [(row, color[0]) for row, color in enumerate(variant.rows.values()) if len(set(color)) == 1]
    others = [gray for row, gray in grays if gray < len(variant.rows) and gray != row]
    return len(others) > 1 or bool(others) and variant.content in FEW


def _least_distance(rows):
    """Returns the distance of the nearest two class colors."""
    colors = np.array(list(rows.values()))
    distances = np.linalg.norm(colors[:, None] - colors, axis=-1)
    return distances[~np.eye(len(colors), dtype=bool)].min()
