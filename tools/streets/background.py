"""Background of a street scene: sky, skyline, road and pavements."""

import functools

import cv2
import numpy as np

from tools.streets.canvas import INDEX, LEAVES, WALLS, noise, pick
from tools.streets.objects import crown, facade

FAR = 90.0  # meters: where the street ends


def paint_sky(canvas, above, below):
    """Paints a sky with clouds, from color `above` to `below` at the horizon (RGB)."""
    height, width = min(int(canvas.vanishing[1] * 1.2), canvas.height), canvas.width
    down = np.clip(np.arange(height, dtype=np.float32) / np.float32(canvas.vanishing[1]), 0, 1)[:, None] ** 1.3
    clouds = np.clip(0.6 * noise(canvas.rng, height, width, 128) + canvas.rng.uniform(-0.6, 0.4), 0, 0.8)
    mix = 1 - (1 - down) * (1 - clouds)  # clouds have the color of the horizon
    canvas.image[:height] = cv2.merge([a + (1.04 * b - a) * mix for a, b in zip(above, below)])


def paint_skyline(canvas):
    """Paints distant buildings and trees along the horizon."""
    rng, z = canvas.rng, FAR * 1.5
    wall = cv2.resize(facade(rng, 16, 15, (150, 145, 140), 0, False), (40, 40), interpolation=cv2.INTER_AREA)
    for x in np.arange(-FAR * 2.2, FAR * 2.2, 14) + rng.uniform(-7, 7):
        if rng.random() < 0.55:
            height, wash = rng.uniform(7, 22), pick(rng, WALLS) / 150
            corners = [(x - 8, height, z), (x + 8, height, z), (x + 8, 0, z), (x - 8, 0, z)]
            canvas.panel(corners, "Building", functools.partial(np.multiply, wall, wash))
        else:
            crown(canvas, x, z, 4, 10, rng.uniform(6, 12), pick(rng, LEAVES))


def wrap(values, period):
    """Returns `values % period`, several times faster than the operator."""
    return values - np.float32(period) * np.floor(values * np.float32(1 / period))


def find_ground(street, x, z):
    """Masks of road and pavement, (H, W) bool each, from world coordinates of the ground."""
    edge = street["half"] + street["pavements"].astype(np.float32)[(x > 0).astype(np.uint8)]
    road = (np.abs(x) < street["half"]) | ((z > street["crossing"][0]) & (z < street["crossing"][1]))
    return road, ~road & (np.abs(x) < edge + 0.8)


def find_marks(rng, street, x, z):
    """Mask of the road markings, (H, W) bool: lanes, edges and a zebra crossing."""
    half = street["half"]
    marks = (np.abs(x) < 0.08) & (wrap(z, 6) < rng.choice([2.5, 4, 6.1]))
    marks |= (np.abs(np.abs(x) - half + 0.35) < 0.06) & (rng.random() < 0.6)
    if street["zebra"]:
        marks = np.where(np.abs(z - street["zebra"]) < 1.6, wrap(x, 1.1) < 0.55, marks)
    return marks & (np.abs(x) < half - 0.25) & ((z < street["crossing"][0]) | (z > street["crossing"][1]))


def light_ground(canvas, street, x, z, road, pavement):
    """Brightness of the ground, (H, W) float32: grain, slabs, curbs, patched asphalt and shadows of buildings."""
    rng, half, shape = canvas.rng, street["half"], x.shape
    fine, coarse = noise(rng, *shape, 2) * rng.uniform(0.03, 0.08), noise(rng, *shape, 64) * rng.uniform(0.02, 0.07)
    light, size = 1 + fine + coarse, rng.uniform(0.5, 1.2)
    light[pavement & (z < 16) & ((wrap(x, size) < 0.05) | (wrap(z, size) < 0.07))] *= 0.8
    light[pavement & (np.abs(np.abs(x) - half) < 0.18)] *= 1.22
    patched = np.abs(x - rng.uniform(-half, half)) < rng.uniform(0.4, 1.3)
    light[road & patched & (np.abs(z - rng.uniform(5, 25)) < rng.uniform(1, 8))] *= rng.uniform(0.72, 1.25)
    if canvas.sun:  # buildings between the sun and the street cast shadows, block by block
        reach = rng.uniform(-half, half * 1.5, 40).astype(np.float32)
        blocks = np.minimum(z * (1 / rng.uniform(6, 14)), 39).astype(np.uint8)
        light[canvas.sun * x > np.take(reach, blocks)] *= rng.uniform(0.5, 0.75)
    return light


def paint_ground(canvas, street):
    """Paints the road with markings, the pavements and the lawns beyond."""
    rng = canvas.rng
    x, z = canvas.ground()
    first = int(np.argmax(np.isfinite(z).any(1)))
    x, z, box = x[first:], z[first:], np.s_[first:, :]
    ground = np.isfinite(z)
    z = np.where(ground, z, np.float32(1e4))
    road, pavement = find_ground(street, x, z)
    light = light_ground(canvas, street, x, z, road, pavement)
    gray = rng.uniform(62, 125)
    asphalt, slabs = gray * rng.normal(1, 0.03, 3), gray * rng.uniform(1, 1.45) * rng.normal((1.03, 1, 0.96), 0.03)
    lawn = pick(rng, [(88, 104, 58), (100, 106, 62), (76, 92, 56)])
    paint = asphalt * rng.uniform(1.5, 2.1) * (1, 1, rng.choice([0.6, 1, 1]))
    kinds = np.where(road, np.uint8(2), pavement.view(np.uint8))
    names = np.take(np.array([INDEX["Tree"], INDEX["Pavement"], INDEX["Road"]], np.uint8), kinds)
    kinds[find_marks(rng, street, x, z)] = 3
    colors = np.array([lawn, slabs, asphalt, paint], np.float32).T
    image = cv2.merge([np.take(channel, kinds) * light for channel in colors])
    canvas.paint(box, ground.view(np.uint8), names, image, z)
