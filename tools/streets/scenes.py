"""Draws synthetic street scenes with OpenCV and NumPy alone: plans a street, paints it, and takes its photograph.

Grass and hedges count as Tree, as in CamVid.
"""

import cv2
import numpy as np

from tools.streets.canvas import FENCES, INDEX, LEAVES, PAINTS, WALLS, Canvas, noise, pick, ramp
from tools.streets.objects import block, building, crown, facade, fence, lamp, sign, tree
from tools.streets.traffic import bonnet, car, cyclist, person

FAR = 90.0  # metres: where the street ends

# Sky above, sky at the horizon, light's gain per channel, contrast, share of lit windows.
MOODS = [
    ((86, 138, 210), (190, 214, 236), (1.12, 1.09, 1.05), 1.15, 0.0),  # noon
    ((110, 152, 208), (200, 216, 230), (1.08, 1.06, 1.03), 1.05, 0.0),  # afternoon
    ((188, 194, 202), (216, 218, 220), (1.0, 1.02, 1.06), 0.9, 0.05),  # overcast
    ((120, 150, 190), (244, 208, 160), (1.2, 1.06, 0.88), 1.1, 0.1),  # low sun
    ((70, 78, 112), (176, 150, 146), (0.76, 0.76, 0.9), 0.95, 0.45),  # dusk
    ((156, 164, 174), (182, 188, 192), (0.88, 0.92, 0.96), 0.85, 0.2),  # rain
]


def paint_sky(canvas, above, below):
    """Fills the canvas with a sky from `above` to `below` (RGB), with clouds."""
    height, width = min(int(canvas.vanishing[1] * 1.2), canvas.height), canvas.width
    down = np.clip(np.arange(height, dtype=np.float32) / np.float32(canvas.vanishing[1]), 0, 1)[:, None] ** 1.3
    clouds = np.clip(0.6 * noise(canvas.rng, height, width, 128) + canvas.rng.uniform(-0.6, 0.4), 0, 0.8)
    mix = 1 - (1 - down) * (1 - clouds)  # clouds have the horizon's colour
    canvas.image[:height] = cv2.merge([a + (1.04 * b - a) * mix for a, b in zip(above, below)])


def paint_skyline(canvas):
    """Far houses and trees along the horizon, behind everything else."""
    rng, z = canvas.rng, FAR * 1.5
    wall = cv2.resize(facade(rng, 16, 15, (150, 145, 140), 0, False), (40, 40), interpolation=cv2.INTER_AREA)
    for x in np.arange(-FAR * 2.2, FAR * 2.2, 14) + rng.uniform(-7, 7):
        if rng.random() < 0.55:
            height, wash = rng.uniform(7, 22), pick(rng, WALLS) / 150
            corners = [(x - 8, height, z), (x + 8, height, z), (x + 8, 0, z), (x - 8, 0, z)]
            canvas.panel(corners, "Building", lambda: wall * wash)
        else:
            crown(canvas, x, z, 4, 10, rng.uniform(6, 12), pick(rng, LEAVES))


def plan_street(rng):
    """Widths in metres and the habits of both sides (left, right) of one street, as a dict."""
    crossing = rng.uniform(14, 50)
    return {
        "half": rng.uniform(2.8, 5.2),
        "pavements": rng.uniform(1.8, 4.2, 2),
        "styles": rng.choice(["terrace", "houses", "park"], 2, p=[0.5, 0.3, 0.2]),
        "crossing": (crossing, crossing + rng.uniform(6, 9)) if rng.random() < 0.4 else (FAR * 3, FAR * 3),
        "zebra": rng.uniform(6, 22) if rng.random() < 0.3 else None,
        "closed": rng.random() < 0.5,
    }


def wrap(values, period):
    """`values % period` for arrays, several times faster."""
    return values - np.float32(period) * np.floor(values * np.float32(1 / period))


def find_ground(street, x, z):
    """Which ground points are road and which pavement, (H, W) bool each."""
    edge = street["half"] + street["pavements"].astype(np.float32)[(x > 0).astype(np.uint8)]
    road = (np.abs(x) < street["half"]) | ((z > street["crossing"][0]) & (z < street["crossing"][1]))
    return road, ~road & (np.abs(x) < edge + 0.8)


def find_marks(rng, street, x, z):
    """Which ground points are painted white or yellow on the road: lanes, edges and a zebra crossing; (H, W) bool."""
    half = street["half"]
    marks = (np.abs(x) < 0.08) & (wrap(z, 6) < rng.choice([2.5, 4, 6.1]))
    marks |= (np.abs(np.abs(x) - half + 0.35) < 0.06) & (rng.random() < 0.6)
    if street["zebra"]:
        marks = np.where(np.abs(z - street["zebra"]) < 1.6, wrap(x, 1.1) < 0.55, marks)
    return marks & (np.abs(x) < half - 0.25) & ((z < street["crossing"][0]) | (z > street["crossing"][1]))


def light_ground(canvas, street, x, z, road, pavement):
    """Brightness of the ground, (H, W) float32: grain, slabs, kerbs, mended asphalt and the shadows of the houses."""
    rng, half, shape = canvas.rng, street["half"], x.shape
    fine, coarse = noise(rng, *shape, 2) * rng.uniform(0.03, 0.08), noise(rng, *shape, 64) * rng.uniform(0.02, 0.07)
    light, size = 1 + fine + coarse, rng.uniform(0.5, 1.2)
    light[pavement & (z < 16) & ((wrap(x, size) < 0.05) | (wrap(z, size) < 0.07))] *= 0.8
    light[pavement & (np.abs(np.abs(x) - half) < 0.18)] *= 1.22
    mended = np.abs(x - rng.uniform(-half, half)) < rng.uniform(0.4, 1.3)
    light[road & mended & (np.abs(z - rng.uniform(5, 25)) < rng.uniform(1, 8))] *= rng.uniform(0.72, 1.25)
    if canvas.sun:  # houses between the sun and the street throw their shadow over it, block by block
        reach = rng.uniform(-half, half * 1.5, 40).astype(np.float32)
        blocks = np.minimum(z * (1 / rng.uniform(6, 14)), 39).astype(np.uint8)
        light[canvas.sun * x > np.take(reach, blocks)] *= rng.uniform(0.5, 0.75)
    return light


def paint_ground(canvas, street):
    """Road with markings, pavements and the lawns beyond them."""
    rng = canvas.rng
    x, z = canvas.ground()
    first = int(np.argmax(np.isfinite(z).any(1)))
    x, z, box = x[first:], z[first:], np.s_[first:, :]
    ground = np.isfinite(z)
    z = np.where(ground, z, np.float32(1e4))
    road, pavement = find_ground(street, x, z)
    light = light_ground(canvas, street, x, z, road, pavement)
    grey = rng.uniform(62, 125)
    asphalt, slabs = grey * rng.normal(1, 0.03, 3), grey * rng.uniform(1, 1.45) * rng.normal((1.03, 1, 0.96), 0.03)
    lawn = pick(rng, [(88, 104, 58), (100, 106, 62), (76, 92, 56)])
    paint = asphalt * rng.uniform(1.5, 2.1) * (1, 1, rng.choice([0.6, 1, 1]))
    kinds = np.where(road, np.uint8(2), pavement.view(np.uint8))
    names = np.take(np.array([INDEX["Tree"], INDEX["Pavement"], INDEX["Road"]], np.uint8), kinds)
    kinds[find_marks(rng, street, x, z)] = 3
    colours = np.array([lawn, slabs, asphalt, paint], np.float32).T
    image = cv2.merge([np.take(channel, kinds) * light for channel in colours])
    canvas.paint(box, ground.view(np.uint8), names, image, z)


def line_side(canvas, street, side, lit):
    """Plans what lines one side of the street beyond its pavement: houses, or gardens and parks with their bounds."""
    rng, z = canvas.rng, 1.5
    style, edge = street["styles"][(side + 1) // 2], street["half"] + street["pavements"][(side + 1) // 2] + 0.6
    bound = rng.choice(["fence", "fence", "wall", "hedge", "none"])
    look = rng.uniform(0.9, 1.8), pick(rng, FENCES), rng.random() < 0.5
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
            bound_garden(canvas, bound, side, side * edge, start, look)
        z += length + rng.uniform(2, 5)


def bound_garden(canvas, bound, side, x, z, look):
    """Plans three metres of a fence, a wall or a hedge; `look` is (height in metres, colour, railing or boards)."""
    if bound == "fence":
        canvas.plan(z + 1.5, fence, x, z, 3, *look)
    elif bound == "wall":
        canvas.plan(z + 1.5, block, x + side * 0.3, z, (0.6, look[0], 3), "Unlabelled", look[1] + 30)
    elif bound == "hedge":
        canvas.plan(z + 1.5, block, x + side * 0.3, z, (0.6, look[0], 3), "Tree", pick(canvas.rng, LEAVES[:1], 2))


def furnish_side(canvas, street, side):
    """Plans lamps, signs, trees, bins, guard rails, parked cars and people along one kerb."""
    rng, plan, pave, kerb = canvas.rng, canvas.plan, street["pavements"][(side + 1) // 2], side * street["half"]
    for z in np.arange(rng.uniform(5, 18), FAR * 0.8, rng.uniform(14, 24)):
        plan(z, lamp, kerb + side * 0.4, z, rng.uniform(4.5, 8))
    for z in rng.uniform(5, 32, rng.integers(1, 4)):
        plan(z, sign, kerb + side * 0.5, z, rng.choice(["round", "triangle", "square", "board", "lights"]))
    if rng.random() < 0.4:
        for z in np.arange(rng.uniform(5, 12), 60, rng.uniform(7, 12)):
            plan(z, tree, kerb + side * 0.7, z, rng.uniform(4.5, 8))
    for z in rng.uniform(4, 28, rng.integers(0, 3)):
        size = 0.6, rng.uniform(0.9, 1.3), 0.6
        plan(z, block, kerb + side * (pave - 0.2), z, size, "Unlabelled", pick(rng, PAINTS))
    if rng.random() < 0.35:
        start, look = rng.uniform(4, 18), (1.1, pick(rng, FENCES), rng.random() < 0.8)
        for z in np.arange(start, start + rng.uniform(4, 14), 2):
            plan(z + 1, fence, kerb + side * 0.2, z, 2, *look)
    if rng.random() < 0.55:
        z = rng.uniform(6, 14)
        while z < 50:
            heading = rng.normal(0, 0.03) + np.pi * (rng.random() < 0.3)
            plan(z, car, kerb - side * 1.05, z, heading, rng.choice(3, p=[0.4, 0.4, 0.2]))
            z += rng.uniform(5.5, 14)
    for z in rng.uniform(3.5, 30, rng.integers(1, 6)):
        plan(z, person, kerb + side * rng.uniform(0.4, pave), z, rng.uniform(1.5, 1.9))


def fill_road(canvas, street):
    """Plans moving cars, cyclists and people who cross the road."""
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
    """Turns the double-sized canvas into a photograph: haze, light, blur and noise; (H, W, 3) uint8."""
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


def draw_scene(rng, height, width):
    """Draws one street.

    Args:
        rng: a `numpy.random.Generator`; the same state gives the same scene.
        height, width: size of the picture in pixels.

    Returns:
        (image, labels): RGB (height, width, 3) uint8 and class indices in `CLASSES` order (height, width) uint8.
    """
    canvas = Canvas(rng, 2 * height, 2 * width)  # drawn twice as large, for smooth edges in the image
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
        bonnet(canvas)
    return develop(canvas, height, width, mood), canvas.labels[1::2, 1::2].copy()
