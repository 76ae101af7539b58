"""Generated datasets: images, class_dict.csv and label files of a variant, and the class of each pixel."""

import pathlib

import numpy as np
from PIL import Image

from tools.inputs.storage import BLACK, STORAGES, VOID, palette_colors, write_file
from tools.inputs.variants import FEW, Variant, background_row

UNKNOWN = 254  # of the truth: of no class
BLOCK = 16  # pixels, those of JPEG, so that a lossy file keeps its areas
SPLITS = "train", "train", "train", "val"  # of the files
UNKNOWN_COLOR = 10, 200, 90


def write_dataset(folder: pathlib.Path, variant: Variant) -> dict[pathlib.Path, np.ndarray]:
    """Writes a dataset of four images with labels, three for training.

    Args:
        folder: `pathlib.Path`, to be created.
        variant: `Variant`.

    Returns:
        dict from label files to the truth: int64 arrays `(H, W)` of rows of class_dict.csv, 255 = ignored, 254 = of
        no class.
    """
    rng, truth = np.random.default_rng(variant.seed), {}
    for split in dict.fromkeys(SPLITS):
        (folder / split).mkdir(parents=True)
        (folder / f"{split}_labels").mkdir()
    lines = [f"{name},{','.join(map(str, color))}" for name, color in variant.rows.items()]
    (folder / "class_dict.csv").write_text("\n".join(["name,r,g,b", *lines, ""]))
    for number, (split, rows) in enumerate(zip(SPLITS, _draw_contents(rng, variant))):
        part = variant.parts[number % len(variant.parts)]
        pixels, palette = _encode(rows, part, variant)
        path = write_file(folder / f"{split}_labels", f"{number}", part.storage, pixels, palette)
        Image.fromarray(np.zeros((*rows.shape, 3), np.uint8)).save(folder / split / f"{number}.png")
        truth[path] = rows
    return truth


def _draw_contents(rng, variant):
    """Draws the rows of the pixels of each file, int64 `(files, 32, 48)`."""
    rows = _draw_rows(rng, variant)
    per_file = [rng.permutation(np.resize(rows, 6)) for _ in SPLITS]  # blocks
    # More rows than blocks occur in all files together.
    blocks = np.stack(per_file) if len(rows) <= 6 else rng.permutation(np.resize(rows, 6 * len(SPLITS)))
    files = np.kron(blocks.reshape(-1, 2, 3), np.ones((1, BLOCK, BLOCK), int))
    if not variant.is_lossy:
        noise = rng.random(files.shape) < 0.1
        files[noise] = rng.choice(rows, noise.sum())
    is_mask = any(part.meaning == "masks" for part in variant.parts)
    background = background_row(variant.rows) if is_mask or rng.random() < 0.5 else 0
    content = variant.content
    files[{"some empty": [0, 1], "train empty": [0, 1, 2], "val empty": [3]}.get(content, [])] = background
    if content == "void":
        files[rng.random(files.shape) < 0.1] = VOID
    elif content == "void in one file":
        files[1][rng.random(files[1].shape) < 0.1] = VOID
    elif content == "a file of void":
        files[2] = VOID
    elif "unknown" in content:
        files[3 if "val" in content else 1, 3:7, 5:20] = UNKNOWN
    return files


def _draw_rows(rng, variant):
    """Draws the rows of class_dict.csv that occur."""
    count = len(variant.rows)
    if variant.content not in FEW:
        return np.arange(count)
    limits = [STORAGES[part.storage].most + 1 for part in variant.parts if part.meaning == "indices"]
    rows = rng.permutation(min([count, *limits]))
    return rows[: 1 if variant.content == "one class" else max(2, count // 2)]


def _encode(truth, part, variant):
    """Returns the pixels of a file, and its palette or None."""
    rows, form = list(variant.rows.values()), STORAGES[part.storage]
    if part.meaning == "masks":
        samples = np.where(truth == background_row(variant.rows), 0, part.value)
    else:
        samples = truth + (part.meaning == "indices from 1")
        samples = np.where(truth == UNKNOWN, len(rows) + (part.meaning == "indices from 1"), samples)
        samples = np.where(truth == VOID, VOID, samples)
    if form.channels == "palette":
        return _encode_palette(np.random.default_rng(variant.seed), samples, part, rows, form.most + 1)
    if part.meaning == "colors":
        colors = np.array([*rows, _unknown_color(rows, form)])
        pixels = colors[np.where(truth == UNKNOWN, len(rows), truth)]
        return (pixels if form.channels == "rgb" else pixels[..., 0] // form.scale), None
    return (np.repeat(samples[..., None], 3, axis=-1) if form.channels == "rgb" else samples), None


def _unknown_color(rows, form):
    """Returns a color of no class, gray in files of one channel."""
    if form.channels == "rgb":
        return UNKNOWN_COLOR
    grays = [(gray,) * 3 for gray in range(0, 256, form.scale) if gray > 60]  # smaller ones could be indices
    return next((gray for gray in grays if gray not in rows), BLACK)


def _encode_palette(rng, samples, part, rows, entries):
    """Returns the indices of a palette, all files of a dataset alike, and the palette, at most `entries` colors."""
    palette = np.array(palette_colors(part.palette, rows, entries, part.value))
    order = np.arange(256)
    if part.palette in ("shuffled", "short"):
        count = min(len(rows) + 1, entries)  # the classes, and a color of no class
        order[:count] = rng.permutation(count)
        palette[order[:count]] = palette[:count].copy()
        palette = palette[: count if part.palette == "short" else entries]
    return order[samples], palette
