"""Prediction of an image in overlapping tiles, in memory that the tile bounds and not the image."""

import numpy as np


def tile_spans(length, tile, overlap):
    """How tiles cover one side of an image.

    Every tile but the first takes over from the one before within `overlap` pixels. The last tile ends with the image;
    what it sees beyond its overlap serves as context.

    Args:
        length: int, pixels of the side, a multiple of 32.
        tile: int, pixels of a tile, a multiple of 32.
        overlap: int, pixels, a multiple of 32, at most half of `tile`.

    Returns:
        List of `(start, first)`: where each tile starts, and the first pixel that it has a say in. Starts are multiples
        of 32, so that networks see tiles on the same grid as the whole image.
    """
    if length <= tile:
        return [(0, 0)]
    step = tile - overlap
    starts = [*range(0, length - tile, step), length - tile]
    return [(0, 0)] + [(start, before + step) for before, start in zip(starts, starts[1:])]


def predict_tiles(scores, image, tile, overlap, batch_size=1):
    """Class indices of an image whose scores are blended where tiles overlap.

    A tile's weight rises linearly over the overlap while its neighbor's falls. Only the strips still to be blended are
    kept: `overlap` rows of the image's width and `overlap` columns of a tile.

    Args:
        scores: function from uint8 images `(B, h, w, 3)` to float scores `(B, h, w, C)`.
        image: uint8 array `(H, W, 3)`; H and W are multiples of 32.
        tile, overlap: int, pixels, as in `tile_spans`.
        batch_size: int, the most tiles at once.

    Returns:
        uint8 array `(H, W)`.
    """
    height, width = image.shape[:2]
    tile_height, tile_width = min(tile, height), min(tile, width)
    rows, columns = tile_spans(height, tile, overlap), tile_spans(width, tile, overlap)
    indices = np.empty((height, width), np.uint8)
    ramp = ((np.arange(overlap) + 0.5) / max(overlap, 1)).astype(np.float32)
    above = None
    for number, (y, first_row) in enumerate(rows):
        has_below = number + 1 < len(rows)
        strip = image[y : y + tile_height]
        left, below = None, []
        for x, first_column, part in _scored(scores, strip, columns, tile_width, batch_size):
            part = part[first_row - y :, first_column - x :].astype(np.float32)  # a copy, to be weighted
            has_right = x + tile_width < width
            _weigh(part, ramp, number > 0, has_below, left is not None, has_right)
            if left is not None:
                part[:, :overlap] += left
            begun = 0 if left is None else overlap  # the strip from above is in `left` already
            if above is not None:
                part[:overlap, begun:] += above[:, first_column + begun : x + tile_width]
            bottom = len(part) - (overlap if has_below else 0)
            right = part.shape[1] - (overlap if has_right else 0)
            done = indices[first_row : first_row + bottom, first_column : first_column + right]
            done[...] = part[:bottom, :right].argmax(-1)
            left = part[:, right:].copy() if has_right else None
            below.append(part[bottom:, :right].copy())
        above = np.concatenate(below, axis=1) if has_below else None
    return indices


def _scored(scores, strip, columns, tile_width, batch_size):
    """Yields `(x, first_column, scores)` for each tile of a row of tiles."""
    for begin in range(0, len(columns), batch_size):
        group = columns[begin : begin + batch_size]
        batch = np.stack([strip[:, x : x + tile_width] for x, _ in group])
        for (x, first_column), part in zip(group, scores(batch)):
            yield x, first_column, part


def _weigh(part, ramp, has_above, has_below, has_left, has_right):
    """Multiplies a tile's scores in place by its share in the overlaps with its neighbors."""
    overlap = len(ramp)
    if not overlap:
        return
    if has_above:
        part[:overlap] *= ramp[:, None, None]
    if has_below:
        part[-overlap:] *= ramp[::-1, None, None]
    if has_left:
        part[:, :overlap] *= ramp[:, None]
    if has_right:
        part[:, -overlap:] *= ramp[::-1, None]
