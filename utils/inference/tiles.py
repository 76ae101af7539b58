"""Sliding-window inference: overlapping tiles whose scores are blended."""

from collections.abc import Callable

import numpy as np

from utils.inference.scored import Scored, score_pixels


def tile_spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Covers one side of an image with overlapping tiles.

    The last tile ends with the image and may overlap its neighbor further than `overlap`; these pixels are context
    only.

    Args:
        length: pixels of the side, a multiple of 32.
        tile: pixels of a tile, a multiple of 32.
        overlap: pixels, a multiple of 32, at most half of `tile`.

    Returns:
        List of `(start, first)`: the first pixel of each tile, and the first pixel it contributes to. Starts are
        multiples of 32, so that the strides of a network fall on the same grid as for the whole image.
    """
    if length <= tile:
        return [(0, 0)]
    step = tile - overlap
    starts = [*range(0, length - tile, step), length - tile]
    return [(0, 0)] + [(start, previous + step) for previous, start in zip(starts, starts[1:])]


def predict_tiles(
    scores: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    tile: int,
    overlap: int,
    batch_size: int = 1,
    reduce: Callable[[np.ndarray], Scored] = score_pixels,
) -> Scored:
    """Predicts an image in tiles; beside the result, the memory is bounded by the tile and not by the image.

    The weight of a tile rises linearly over the overlap while its neighbor's falls. Only the strips that are still to
    be blended are kept: `overlap` rows of the image's width and `overlap` columns of a tile.

    Args:
        scores: function from uint8 images `(B, h, w, channels)` to float scores `(B, h, w, C)`.
        image: uint8 array `(H, W, channels)`; H and W are multiples of 32.
        tile, overlap: pixels, as in `tile_spans`.
        batch_size: the most tiles at once.
        reduce: function from blended scores `(h, w, C)` to what is kept of them.

    Returns:
        What `reduce` gives, of the whole image.
    """
    height, width = image.shape[:2]
    tile_height, tile_width = min(tile, height), min(tile, width)
    rows, columns = tile_spans(height, tile, overlap), tile_spans(width, tile, overlap)
    kept = None
    ramp = ((np.arange(overlap) + 0.5) / max(overlap, 1)).astype(np.float32)
    above = None  # scores of the last `overlap` rows of the tiles above, (overlap, W, C)
    for number, (y, first_row) in enumerate(rows):
        has_below = number + 1 < len(rows)
        strip = image[y : y + tile_height]
        left, below = None, []
        for x, first_column, tile_scores in _scored(scores, strip, columns, tile_width, batch_size):
            block = tile_scores[first_row - y :, first_column - x :].astype(np.float32)  # a copy, to be weighted
            has_right = x + tile_width < width
            _apply_blend_weights(block, ramp, number > 0, has_below, left is not None, has_right)
            if left is not None:
                block[:, :overlap] += left
            begin = 0 if left is None else overlap  # `left` already includes its strip from above
            if above is not None:
                block[:overlap, begin:] += above[:, first_column + begin : x + tile_width]
            bottom = len(block) - (overlap if has_below else 0)
            right = block.shape[1] - (overlap if has_right else 0)
            finished = reduce(block[:bottom, :right])
            if kept is None:
                kept = [
                    part if part is None else np.empty((height, width, *part.shape[2:]), part.dtype)
                    for part in finished
                ]
            for whole, part in zip(kept, finished):
                if part is not None:
                    whole[first_row : first_row + bottom, first_column : first_column + right] = part
            left = block[:, right:].copy() if has_right else None
            below.append(block[bottom:, :right].copy())
        above = np.concatenate(below, axis=1) if has_below else None
    return Scored(*kept)


def _scored(scores, strip, columns, tile_width, batch_size):
    """Yields `(x, first_column, scores)` for each tile of a row of tiles."""
    for begin in range(0, len(columns), batch_size):
        group = columns[begin : begin + batch_size]
        batch = np.stack([strip[:, x : x + tile_width] for x, _ in group])
        for (x, first_column), tile_scores in zip(group, scores(batch)):
            yield x, first_column, tile_scores


def _apply_blend_weights(block, ramp, has_above, has_below, has_left, has_right):
    """Multiplies a tile's scores in place by its weights in the overlaps with its neighbors."""
    overlap = len(ramp)
    if not overlap:
        return
    if has_above:
        block[:overlap] *= ramp[:, None, None]
    if has_below:
        block[-overlap:] *= ramp[::-1, None, None]
    if has_left:
        block[:, :overlap] *= ramp[:, None]
    if has_right:
        block[:, -overlap:] *= ramp[::-1, None]
