"""Synthetic street scenes: plans a street, draws it back to front, and applies photographic effects.

Grass and hedges are labeled Tree, as in CamVid.
"""

import cv2
import numpy as np

from tools.streets.background import FAR, paint_ground, paint_sky, paint_skyline
from tools.streets.canvas import FENCES, LEAVES, PAINTS, Canvas, pick, ramp
from tools.streets.objects import block, building, fence, lamp, sign, tree
from tools.streets.traffic import car, cyclist, hood, person

# Color of the sky above, at the horizon, gain per channel, contrast, share of lit windows.
MOODS = [
    ((86, 138, 210), (190, 214, 236), (1.12, 1.09, 1.05), 1.15, 0.0),  # noon
    ((110, 152, 208), (200, 216, 230), (1.08, 1.06, 1.03), 1.05, 0.0),  # afternoon
    ((188, 194, 202), (216, 218, 220), (1.0, 1.02, 1.06), 0.9, 0.05),  # overcast
    ((120, 150, 190), (244, 208, 160), (1.2, 1.06, 0.88), 1.1, 0.1),  # low sun
    ((70, 78, 112), (176, 150, 146), (0.76, 0.76, 0.9), 0.95, 0.45),  # dusk
    ((156, 164, 174), (182, 188, 192), (0.88, 0.92, 0.96), 0.85, 0.2),  # rain
]


def plan_street(rng):
    """Draws the layout of a street at random: a dict of positions and widths in meters, and styles (left, right)."""
    crossing = rng.uniform(14, 50)
    return {
        "half": rng.uniform(2.8, 5.2),
        "pavements": rng.uniform(1.8, 4.2, 2),
        "styles": rng.choice(["terrace", "houses", "park"], 2, p=[0.5, 0.3, 0.2]),
        "crossing": (crossing, crossing + rng.uniform(6, 9)) if rng.random() < 0.4 else (FAR * 3, FAR * 3),
        "zebra": rng.uniform(6, 22) if rng.random() < 0.3 else None,
        "closed": rng.random() < 0.5,
    }


def line_side(canvas, street, side, lit):
    """Schedules the objects beyond the pavement of one side: buildings, or gardens and parks with their fences."""
    rng, z = canvas.rng, 1.5
    style, edge = street["styles"][(side + 1) // 2], street["half"] + street["pavements"][(side + 1) // 2] + 0.6
    bound = rng.choice(["fence", "fence", "wall", "hedge", "none"])
    fencing = rng.uniform(0.9, 1.8), pick(rng, FENCES), rng.random() < 0.5
    while z < FAR:
        length = rng.uniform(7, 15)
        if z + length > street["crossing"][0] - 1 and z < street["crossing"][1] + 1:
            z = street["crossing"][1] + 1.5
            continue
        if style == "terrace":
            size = rng.uniform(8, 12), rng.uniform(6, 19), 0 if rng.random() < 0.7 else rng.uniform(2, 4)
            canvas.plan(z + length, building, side, side * edge, z, length, *size, lit)
            z += length + (rng.uniform(2, 6) if rng.random() < 0.2 else 0)
            continue
        if style == "houses":
            size = rng.uniform(8, 11), rng.uniform(4.5, 7), rng.uniform(2, 3.5)
            canvas.plan(z + length, building, side, side * (edge + 5), z, length, *size, lit)
        for _ in range(rng.integers(1, 4)):
            x, ahead = side * (edge + rng.uniform(1.5, 4 if style == "houses" else 14)), z + rng.uniform(2, length + 2)
            canvas.plan(ahead, tree, x, ahead, rng.uniform(4, 11))
        for start in np.arange(z, z + length, 3):
            bound_garden(canvas, bound, side, side * edge, start, fencing)
        z += length + rng.uniform(2, 5)


def bound_garden(canvas, bound, side, x, z, fencing):
    """Schedules three meters of a fence, a wall or a hedge; `fencing`: (height in meters, color, with railings)."""
    if bound == "fence":
        canvas.plan(z + 1.5, fence, x, z, 3, *fencing)
    elif bound == "wall":
        canvas.plan(z + 1.5, block, x + side * 0.3, z, (0.6, fencing[0], 3), "Unlabelled", fencing[1] + 30)
    elif bound == "hedge":
        canvas.plan(z + 1.5, block, x + side * 0.3, z, (0.6, fencing[0], 3), "Tree", pick(canvas.rng, LEAVES[:1], 2))


def furnish_side(canvas, street, side):
    """Schedules lamps, signs, trees, bins, guard rails, parked cars and people along one curb."""
    rng, plan, pave, curb = canvas.rng, canvas.plan, street["pavements"][(side + 1) // 2], side * street["half"]
    for z in np.arange(rng.uniform(5, 18), FAR * 0.8, rng.uniform(14, 24)):
        plan(z, lamp, curb + side * 0.4, z, rng.uniform(4.5, 8))
    for z in rng.uniform(5, 32, rng.integers(1, 4)):
        plan(z, sign, curb + side * 0.5, z, rng.choice(["round", "triangle", "square", "board", "lights"]))
    if rng.random() < 0.4:
        for z in np.arange(rng.uniform(5, 12), 60, rng.uniform(7, 12)):
            plan(z, tree, curb + side * 0.7, z, rng.uniform(4.5, 8))
    for z in rng.uniform(4, 28, rng.integers(0, 3)):
        size = 0.6, rng.uniform(0.9, 1.3), 0.6
        plan(z, block, curb + side * (pave - 0.2), z, size, "Unlabelled", pick(rng, PAINTS))
    if rng.random() < 0.35:
        start, railing = rng.uniform(4, 18), (1.1, pick(rng, FENCES), rng.random() < 0.8)
        for z in np.arange(start, start + rng.uniform(4, 14), 2):
            plan(z + 1, fence, curb + side * 0.2, z, 2, *railing)
    if rng.random() < 0.55:
        z = rng.uniform(6, 14)
        while z < 50:
            heading = rng.normal(0, 0.03) + np.pi * (rng.random() < 0.3)
            plan(z, car, curb - side * 1.05, z, heading, rng.choice(3, p=[0.4, 0.4, 0.2]))
            z += rng.uniform(5.5, 14)
    for z in rng.uniform(3.5, 30, rng.integers(1, 6)):
        plan(z, person, curb + side * rng.uniform(0.4, pave), z, rng.uniform(1.5, 1.9))


def fill_road(canvas, street):
    """Schedules moving cars, cyclists and people who cross the road."""
    rng, half = canvas.rng, street["half"]
    for z in rng.uniform(8, 55, rng.integers(0, 4)):
        lane, kind = rng.choice([-1, 1]), rng.choice(4, p=[0.35, 0.35, 0.18, 0.12])
        canvas.plan(z, car, lane * half * 0.45, z, np.pi * (lane < 0) + rng.normal(0, 0.08), kind)
    if street["crossing"][0] < FAR and rng.random() < 0.6:
        z = sum(street["crossing"]) / 2
        canvas.plan(z, car, rng.uniform(-8, 8), z, rng.choice([-1, 1]) * np.pi / 2, rng.integers(3))
    for z in rng.uniform(4, 17, rng.integers(0, 4)):
        squash = rng.choice([-1, 1]) * rng.uniform(0.1, 1)
        canvas.plan(z, cyclist, rng.uniform(-half, half) * 0.85, z, squash)
    for z in rng.uniform(5, 24, rng.integers(0, 3)):
        z = street["zebra"] or z
        canvas.plan(z, person, rng.uniform(-half, half), z, rng.uniform(1.5, 1.9))


def develop(canvas, height, width, mood):
    """Downsamples the canvas by 2 and adds haze, vignetting, color cast, blur and noise; (H, W, 3) uint8."""
    rng, (_, haze, gain, contrast, _) = canvas.rng, mood
    image = cv2.resize(canvas.image, (width, height), interpolation=cv2.INTER_AREA)
    depth = np.minimum(canvas.depth[1::2, 1::2], 400)[..., None]
    veil = 1 - np.exp(-depth * rng.uniform(0.001, 0.011))
    image = image * np.array(gain, np.float32) * (1 - veil) + np.array(haze, np.float32) * (sum(gain) / 3) * veil
    across, down = ramp(width)[None, :, None], ramp(height)[:, None, None]
    slope = 1 + 0.12 * canvas.sun * across + rng.normal(0, 0.05) * down - 0.08 * (across**2 + down**2)
    cast = (rng.normal(1, 0.05, 3) * rng.uniform(0.85, 1.2)).astype(np.float32)
    contrast *= rng.uniform(0.85, 1.1)
    image = image * (slope * contrast) * cast + 115 * (1 - contrast)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.75))
    image += rng.standard_normal((height, width, 1), np.float32) * rng.uniform(1, 4)
    image += rng.standard_normal((height, width, 3), np.float32) * rng.uniform(0.5, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_scene(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws a street scene.

    Args:
        rng: `numpy.random.Generator`; the same state gives the same scene.
        height, width: int, size of the image in pixels.

    Returns:
        `(image, labels)`: uint8 arrays, RGB `(height, width, 3)` and class indices of `CLASSES` `(height, width)`.
    """
    canvas = Canvas(rng, 2 * height, 2 * width)  # twice the size, for anti-aliasing
    street, mood = plan_street(rng), MOODS[rng.integers(len(MOODS))]
    canvas.eye_x = rng.uniform(-1, 1) * street["half"]
    paint_sky(canvas, *mood[:2])
    paint_skyline(canvas)
    paint_ground(canvas, street)
    fill_road(canvas, street)
    for side in (-1, 1):
        line_side(canvas, street, side, mood[4])
        furnish_side(canvas, street, side)
    if street["closed"]:
        canvas.plan(FAR, building, 1, -20, FAR, 12, 40, rng.uniform(8, 20), 0, mood[4])
    canvas.draw_planned()
    if rng.random() < 0.15:
        hood(canvas)
    return develop(canvas, height, width, mood), canvas.labels[1::2, 1::2].copy()
