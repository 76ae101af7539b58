"""Static objects of a street: buildings, fences, boxes, trees, lamps and signs."""

import cv2
import numpy as np

from tools.streets.canvas import GLASS, LEAVES, PAINTS, WALLS, bar, figure, noise, oval, pick, ramp, tint


def facade(rng, width, height, color, lit, shop):
    """Texture of a wall with windows and a door or shop front, (h, w, 3) at 14 pixels per meter."""
    rows, columns = int(height * 14), int(width * 14)
    wall = tint(1 + 0.06 * noise(rng, rows, columns, 64) + 0.05 * noise(rng, rows, columns, 2), color)
    if rng.random() < 0.5:
        wall[:: rng.integers(3, 6)] *= 0.86
    wall[: rng.integers(3, 9)] *= rng.uniform(0.7, 1.25)
    storey, bay = int(rng.uniform(2.6, 3.4) * 14), int(rng.uniform(1.8, 3.6) * 14)
    tall, wide = int(storey * rng.uniform(0.4, 0.65)), int(bay * rng.uniform(0.35, 0.7))
    frame = pick(rng, [(230, 230, 225), (70, 60, 50), (150, 150, 150), [0.75 * channel for channel in color]])
    for top in range(rows - storey + 8, 2, -storey):
        for left in range((columns % bay + bay - wide) // 2, columns - wide, bay):
            pane = (235, 200, 130) if rng.random() < lit else np.array(GLASS) * rng.uniform(0.6, 2.2)
            wall[top - 2 : top + tall + 2, left - 2 : left + wide + 2] = frame
            wall[top : top + tall, left : left + wide] = pane
            wall[top : top + tall, left + wide // 2] = frame
    low = rows - storey
    if shop:
        wall[low + 6 : low + 15] = pick(rng, PAINTS, 20)
        wall[low + 17 : rows - 6, 4:-4] = np.array(GLASS) * rng.uniform(0.7, 1.8) + 120 * (rng.random() < lit)
        wall[low + 17 : rows, :: max(bay, 8)] = frame
    else:
        left = int(rng.integers(2, columns - 16))
        wall[low + 9 : rows, left - 2 : left + 16] = frame
        wall[low + 11 : rows, left : left + 14] = pick(rng, PAINTS)
    return wall


def building(canvas, side, x, z, length, width, height, gable, lit):
    """Draws a house from `z` to `z + length` with its street wall at `x`; `side` is -1 left or 1 right of the road."""
    rng, far, back, ridge = canvas.rng, z + length, x + side * width, height + gable
    color, roof = pick(rng, WALLS), pick(rng, [(110, 60, 48), (70, 70, 76), (92, 80, 70)])
    bright = 1 - 0.18 * canvas.sun * side
    if gable:
        middle = x + side * width / 2
        slope = tint(1 + 0.06 * noise(rng, 60, 60, 4), roof)
        slope[::6] *= 0.8
        if rng.random() < 0.6:
            stack = z + length * rng.uniform(0.2, 0.8)
            figure(canvas, middle, stack, [("Building", bar((0, height), (0, ridge + 0.9), 0.9), color * 0.8)])
        eave = x - side * 0.3
        corners = [(middle, ridge, far), (middle, ridge, z), (eave, height, z), (eave, height, far)]
        canvas.panel(corners, "Building", lambda: slope)
        canvas.polygon([(x, height, z), (middle, ridge, z), (back, height, z)], "Building", color * 0.85)
    shop = not gable and rng.random() < 0.6
    canvas.panel(
        [(x, height, z), (back, height, z), (back, 0, z), (x, 0, z)],
        "Building",
        lambda: facade(rng, width, height, color * 0.85, lit, False),
    )
    canvas.panel(
        [(x, height, z), (x, height, far), (x, 0, far), (x, 0, z)],
        "Building",
        lambda: facade(rng, length, height, color * bright, lit, shop),
    )


def fence(canvas, x, z, length, height, color, railing):
    """Draws a fence panel along the street, of boards or of see-through railings."""
    texture = np.ones((24, int(24 * length), 4), np.float32) * (*color, 1)
    texture[..., :3] *= 1 + 0.1 * noise(canvas.rng, *texture.shape[:2], 8)[..., None]
    texture[:, ::4, :3] *= 0.65
    if railing:
        gaps = np.ones(texture.shape[:2], bool)
        gaps[:, ::4] = gaps[:, 1::4] = gaps[2:5] = gaps[-5:-2] = False
        texture[..., 3][gaps] = 0.12
    far = z + length
    canvas.panel([(x, height, z), (x, height, far), (x, 0, far), (x, 0, z)], "Fence", lambda: texture)


def block(canvas, x, z, size, name, color):
    """Draws a box of (width, height, depth) meters with its front at `z`: bins, hedges and walls."""
    width, height, depth = size
    left, right = x - width / 2, x + width / 2
    inner = right if x < canvas.eye_x else left
    top = [(left, height), (right, height), (right, height), (left, height)]
    side = [(inner, 0), (inner, height), (inner, height), (inner, 0)]
    front = [(left, 0), (left, height), (right, height), (right, 0)]
    for face, far, light in ((top, (0, 0, 1, 1), 1.15), (side, (0, 0, 1, 1), 0.9), (front, (0, 0, 0, 0), 0.75)):
        points = [(px, py, z + depth * back) for (px, py), back in zip(face, far)]
        canvas.polygon(points, name, color * light, 0.25 if name == "Tree" else 0.06)


def crown(canvas, x, z, y, radius_x, radius_y, color):
    """Draws a ragged ball of leaves at height `y`, with gaps."""
    (left, top), (right, bottom) = canvas.project([(x - radius_x, y + radius_y, z), (x + radius_x, y - radius_y, z)])
    columns, rows = int(right - left) + 1, int(bottom - top) + 1
    if rows < 2 or columns < 2 or right < 0 or bottom < 0 or left >= canvas.width or top >= canvas.height:
        return
    clumps = cv2.resize(noise(canvas.rng, 72, 72, 16), (columns, rows))
    down, across = ramp(rows)[:, None], ramp(columns)[None]
    mask = (1.05 - down**2 - across**2 + 0.28 * clumps > 0.25).astype(np.uint8)
    light = 1 + 0.22 * clumps + 0.12 * noise(canvas.rng, rows, columns, 4) - 0.22 * down + 0.2 * canvas.sun * across
    row, column = max(int(top), 0), max(int(left), 0)
    cut = np.s_[row - int(top) : canvas.height - int(top), column - int(left) : canvas.width - int(left)]
    mask, light = mask[cut], light[cut]
    box = np.s_[row : row + mask.shape[0], column : column + mask.shape[1]]
    canvas.paint(box, mask, "Tree", tint(np.maximum(light, 0.2), color), z)


def tree(canvas, x, z, height):
    """Draws a trunk with a crown of several balls, or a conifer."""
    rng, color = canvas.rng, pick(canvas.rng, LEAVES)
    canvas.shadow(np.array([x, z]) + oval(-canvas.sun * height / 3, 0, height / 3, height / 3), 0.35)
    bark = pick(rng, [(82, 64, 50), (100, 92, 80), (60, 50, 44)])
    figure(canvas, x, z, [("Tree", bar((0, 0), (0, height * 0.7), height * 0.06, height * 0.03), bark)])
    if rng.random() < 0.2:
        for level in np.linspace(0.3, 0.9, 5):
            crown(canvas, x, z, height * level, height * 0.26 * (1.15 - level), height * 0.17, color)
        return
    for _ in range(rng.integers(3, 6) if z < 50 else 2):
        radius = height * rng.uniform(0.17, 0.27)
        dx, y = height * rng.uniform(-0.16, 0.16), height * rng.uniform(0.55, 0.8)
        crown(canvas, x + dx, z, y, radius * 1.15, radius, color * rng.uniform(0.85, 1.1))


def post(canvas, x, z, height, color, width=0.13):
    """Parts of an upright pole, at least one pixel of the final image wide."""
    width = max(width, 2.3 * z / canvas.focal)
    return [("Pole", bar((0, 0), (0, height), width * 1.15, width * 0.85), color)]


def lamp(canvas, x, z, height):
    """Draws a lamp post with an arm over the road."""
    color, reach = pick(canvas.rng, [(110, 112, 115), (60, 66, 62), (150, 150, 145)]), -np.sign(x) * 1.2
    parts = post(canvas, x, z, height, color)
    thin = max(0.09, 2.3 * z / canvas.focal)
    parts.append(("Pole", bar((0, height), (reach, height + 0.3), thin), color))
    parts.append(("Pole", oval(reach, height + 0.27, 0.36, 0.09), color * 1.2))
    figure(canvas, x, z, parts)


def sign(canvas, x, z, kind):
    """Draws a pole with a round, triangular or square sign, a direction board or traffic lights."""
    rng, size, gray = canvas.rng, canvas.rng.uniform(0.38, 0.55), np.array([130, 132, 135])
    y = 3.2 if kind == "lights" else rng.uniform(2.2, 2.9)
    parts = post(canvas, x, z, y, gray, 0.1)
    tint = np.array([(190, 30, 35), (30, 70, 160), (30, 110, 70), (215, 170, 30)][rng.integers(4)])
    if kind == "lights":
        parts.append(("SignSymbol", bar((0, y - 0.6), (0, y + 0.6), 0.5), (30, 32, 30)))
        on = rng.integers(3)
        for i, color in enumerate([(230, 50, 40), (235, 170, 40), (60, 210, 120)]):
            color = np.array(color) * (1 if i == on else 0.3)
            parts.append(("SignSymbol", oval(0, y + 0.36 * (1 - i), 0.16, 0.16), color))
    elif kind == "board":
        wide, tall = rng.uniform(1.2, 2.2), rng.uniform(0.8, 1.3)
        parts += [("SignSymbol", bar((-wide, y + 0.3), (wide, y + 0.3), tall), (225, 225, 222))]
        parts += [("SignSymbol", bar((-wide + 0.08, y + 0.3), (wide - 0.08, y + 0.3), tall - 0.16), tint)]
        for row in (y + 0.5, y + 0.15):
            words = bar((-wide * 0.7, row), (wide * rng.uniform(0, 0.7), row), 0.14)
            parts.append(("SignSymbol", words, (230, 230, 225)))
    else:
        corners = {"round": 16, "triangle": 3, "square": 4}[kind]
        turn = np.pi / 2 if kind == "triangle" else np.pi / 4
        shape = oval(0, 0, 1, 1, corners) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        parts += [("SignSymbol", shape * size * 1.2 + (0, y), tint)]
        parts += [("SignSymbol", shape * size * 0.8 + (0, y), (232, 230, 225))]
        parts += [("SignSymbol", bar((0, y - size * 0.3), (0, y + size * 0.3), 0.14), (40, 40, 45))]
    figure(canvas, x, z, parts)
