"""Draws synthetic street scenes with OpenCV and NumPy alone: the canvas, the things of a street, the composition.

World coordinates are metres: x to the right of the road's middle, y up from the ground, z ahead of the camera.
Colours are RGB in 0..255. Image, labels and depth are painted by the same strokes, so they cannot disagree.
Grass and hedges count as Tree, as in CamVid.
"""

import functools

import cv2
import numpy as np

CLASSES = {
    "Sky": (128, 128, 128), "Building": (128, 0, 0), "Pole": (192, 192, 128), "Road": (128, 64, 128),
    "Pavement": (0, 0, 192), "Tree": (128, 128, 0), "SignSymbol": (192, 128, 128), "Fence": (64, 64, 128),
    "Car": (64, 0, 128), "Pedestrian": (64, 64, 0), "Bicyclist": (0, 128, 192), "Unlabelled": (0, 0, 0),
}  # fmt: skip
INDEX = {name: index for index, name in enumerate(CLASSES)}

WALLS = [(150, 78, 62), (118, 64, 54), (172, 162, 146), (200, 188, 160), (128, 128, 130), (98, 102, 110),
         (182, 142, 112), (92, 80, 70), (208, 204, 198), (150, 150, 120), (110, 110, 95)]  # fmt: skip
PAINTS = [(225, 225, 225), (170, 172, 176), (95, 97, 102), (35, 36, 40), (150, 25, 25), (30, 55, 120),
          (45, 80, 50), (205, 165, 40), (160, 145, 120), (90, 130, 160), (110, 60, 40), (120, 122, 118)]  # fmt: skip
LEAVES = [(62, 92, 40), (84, 108, 46), (44, 66, 38), (104, 112, 48), (120, 92, 44), (54, 76, 58)]
FENCES = [(110, 84, 60), (60, 70, 64), (140, 142, 145), (84, 92, 84), (160, 48, 44)]
SKINS = [(205, 160, 130), (160, 115, 85), (110, 75, 55)]
GLASS = (48, 58, 68)
# The frame's tubes, in metres from the middle of the bicycle.
BICYCLE = [((-0.52, 0.36), (-0.12, 0.9)), ((-0.52, 0.36), (0, 0.3)), ((0, 0.3), (0.4, 0.9)),
           ((0.42, 1.0), (0.52, 0.36)), ((-0.1, 0.8), (0.4, 0.85))]  # fmt: skip

# Cars by their side view: (along, up) in metres from tail to nose, and what each stretch between two points is made of.
CARS = [
    ([(-2.2, .3), (-2.2, .85), (-1.6, .98), (-1.0, 1.43), (.4, 1.43), (1.05, .98), (2.1, .8), (2.2, .3)], "bbgbgbb",
     [[(-1.25, 1.0), (-.92, 1.34), (-.3, 1.34), (-.3, 1.0)], [(-.2, 1.0), (-.2, 1.34), (.34, 1.34), (.8, 1.0)]]),
    ([(-1.9, .3), (-1.95, .95), (-1.6, 1.5), (.4, 1.5), (1.0, 1.0), (1.85, .82), (1.9, .3)], "bgbgbb",
     [[(-1.6, 1.0), (-1.4, 1.4), (-.5, 1.4), (-.5, 1.0)], [(-.4, 1.0), (-.4, 1.4), (.34, 1.4), (.75, 1.0)]]),
    ([(-2.4, .35), (-2.45, 1.2), (-2.4, 2.1), (1.2, 2.1), (1.8, 1.2), (2.4, 1.05), (2.45, .35)], "bgbgbb",
     [[(.2, 1.25), (.2, 1.9), (1.1, 1.9), (1.5, 1.25)]]),
    ([(-4.5, .4), (-4.5, 1.5), (-4.45, 3.0), (4.3, 3.0), (4.5, 1.2), (4.5, .4)], "bgbgb",
     [[(-4.3, 1.5), (-4.3, 2.6), (-.2, 2.6), (-.2, 1.5)], [(0, 1.5), (0, 2.6), (4.1, 2.6), (4.2, 1.5)]]),
]  # fmt: skip

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


@functools.cache
def noise_tile(cell):
    """Fixed periodic noise of mean 0 and deviation 1, (1024, 1024) float32, whose largest spots span `cell` pixels."""
    rng = np.random.default_rng(cell)
    tile, size = np.zeros((512, 512), np.float32), cell
    while size >= 1:
        spots = rng.standard_normal((512 // size, 512 // size)).astype(np.float32)
        tile += cv2.resize(spots, (512, 512), interpolation=cv2.INTER_CUBIC) * (size / cell) ** 0.5
        size //= 2
    tile = np.hstack([tile, tile[:, ::-1]]) / tile.std()
    return np.vstack([tile, tile[::-1]])


def noise(rng, height, width, cell):
    """A random window of `noise_tile(cell)`, (height, width) float32."""
    tile = noise_tile(cell)
    if height > 1024 or width > 1024:
        tile = np.tile(tile, (height // 1024 + 1, width // 1024 + 1))
    row, column = (int(rng.random() * (1 + have - want)) for have, want in zip(tile.shape, (height, width)))
    return tile[row : row + height, column : column + width]


@functools.cache
def ramp(size):
    """`size` even steps from -1 to 1, float32; to be read only."""
    return np.linspace(-1, 1, size, dtype=np.float32)


def tint(light, colour):
    """`light` (h, w) times `colour` (3,), as (h, w, 3) float32; channel by channel is far faster than broadcasting."""
    return cv2.merge([light * np.float32(channel) for channel in colour])


def pick(rng, colours, spread=10):
    """One of `colours`, a little lighter, darker and tinted at random, (3,) float32."""
    colour = np.array(colours[int(rng.random() * len(colours))], np.float32)
    return np.clip(colour + rng.normal(0, spread) + rng.normal(0, spread / 2, 3), 8, 245).astype(np.float32)


class Canvas:
    """A pinhole camera's picture: `image` (H, W, 3) float32, `labels` (H, W) uint8, `depth` (H, W) float32 metres."""

    def __init__(self, rng, height, width):
        self.rng, self.height, self.width, self.planned = rng, height, width, []
        self.image = np.zeros((height, width, 3), np.float32)
        self.labels = np.full((height, width), INDEX["Sky"], np.uint8)
        self.depth = np.zeros((height, width), np.float32)
        self.focal = width * rng.uniform(0.7, 1.1)
        self.vanishing = np.array([width * rng.uniform(0.2, 0.8), height * rng.uniform(0.3, 0.58)])
        roll = rng.normal(0, 0.025)  # radians
        self.turn = np.array([(np.cos(roll), np.sin(roll)), (-np.sin(roll), np.cos(roll))])
        self.bend = rng.normal(0, 0.0012)  # the road's middle runs along x = bend * z**2
        self.eye_x, self.eye_y = 0.0, rng.uniform(1.3, 2.4)
        self.sun = float(rng.integers(-1, 2))  # from the left, clouded over, from the right

    def plan(self, distance, thing, *arguments):
        """Remembers to call `thing(canvas, *arguments)` when all that is farther than `distance` metres is painted."""
        self.planned.append((distance, thing, arguments))

    def draw_planned(self):
        for _, thing, arguments in sorted(self.planned, key=lambda entry: -entry[0]):
            thing(self, *arguments)

    def project(self, points):
        """World points (N, 3) to pixels (N, 2), x then y."""
        x, y, z = np.array(points, float).T
        flat = np.array([x + self.bend * z * z - self.eye_x, self.eye_y - y]) * (self.focal / z)
        return flat.T @ self.turn + self.vanishing

    def ground(self):
        """World x and z, (H, W) float32 each, of the ground seen at each pixel; z is inf above the horizon."""
        u = np.arange(self.width, dtype=np.float32)[None] - np.float32(self.vanishing[0])
        v = np.arange(self.height, dtype=np.float32)[:, None] - np.float32(self.vanishing[1])
        cos, sin = self.turn[0].astype(np.float32)
        u, v = cos * u + sin * v, cos * v - sin * u
        z = np.where(v > 0.5, np.float32(self.focal * self.eye_y) / np.maximum(v, 0.5), np.float32(np.inf))
        near = np.minimum(z, 1e4)
        return u * near / np.float32(self.focal) + np.float32(self.eye_x) - np.float32(self.bend) * near**2, z

    def outline(self, corners):
        """Rows and columns (slices) of the visible box around pixel `corners` (N, 2), and the filled mask in it."""
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        left, top = max(int(left), 0), max(int(top), 0)
        right, bottom = min(int(right) + 2, self.width), min(int(bottom) + 2, self.height)
        mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
        if mask.size:
            cv2.fillPoly(mask, [np.round(corners - (left, top)).astype(np.int32)], 1)
        return np.s_[top : max(bottom, top), left : max(right, left)], mask

    def paint(self, box, mask, name, colour, depth, opacity=None):
        """Puts `colour` (3,) or (h, w, 3), class `name` or indices (h, w), and `depth` into `box` where `mask` is 1.

        `opacity` (h, w) lets light through, but what is seen through a thing (a wheel, a railing) belongs to the thing,
        as in hand-made labels.
        """
        view = self.image[box]
        patch = np.empty(view.shape, np.float32)
        patch[:] = colour if opacity is None else view + (colour - view) * np.asarray(opacity, np.float32)[..., None]
        cv2.copyTo(patch, mask, view)
        inside = mask.view(bool)
        np.copyto(self.labels[box], INDEX[name] if isinstance(name, str) else name, where=inside)
        np.copyto(self.depth[box], depth, where=inside, casting="unsafe")

    def polygon(self, points, name, colour, grain=0.05, cell=4, opacity=None):
        """Fills world polygon `points` (N, 3), grainy and a little lighter towards the sun."""
        box, mask = self.outline(self.project(points))
        if mask.size:
            if mask.size > 80:  # on smaller things nobody sees the grain
                light = 1 + 0.12 * self.sun * ramp(mask.shape[1])
                colour = tint(light + grain * noise(self.rng, *mask.shape, cell), colour)
            self.paint(box, mask, name, colour, sum(p[2] for p in points) / len(points), opacity)

    def panel(self, points, name, texture):
        """Stretches what `texture()` makes, (h, w, 3 or 4 with opacity in 0..1), over the world quad top left, top
        right, bottom right, bottom left. It is made only if there is something to see."""
        corners = self.project(points)
        box, mask = self.outline(corners)
        if not mask.any():
            return
        texture = texture()
        spans = np.ptp(corners, axis=0)  # a texture far finer than its picture would flicker
        size = [int(np.clip(span, 4, side)) for span, side in zip(spans, texture.shape[1::-1])]
        texture = cv2.resize(texture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        source = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
        target = (corners - (box[1].start, box[0].start)).astype(np.float32)
        warped = cv2.warpPerspective(texture, cv2.getPerspectiveTransform(source, target), mask.shape[::-1],
                                     borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        opacity = warped[..., 3] if warped.shape[2] == 4 else None
        self.paint(box, mask, name, warped[..., :3], sum(p[2] for p in points) / len(points), opacity)

    def shadow(self, points, strength=0.5):
        """Darkens road and pavement, and nothing that stands on them, inside ground polygon `points` (N, 2: x, z)."""
        box, mask = self.outline(self.project([(x, 0, max(z, 0.8)) for x, z in points]))
        ground = (self.labels[box] == INDEX["Road"]) | (self.labels[box] == INDEX["Pavement"])
        self.image[box][(mask > 0) & ground] *= 1 - strength


def oval(x, y, radius_x, radius_y, corners=16):
    """Upright ellipse, (corners, 2) metres."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], 1)


def bar(a, b, width, end_width=None):
    """Straight limb from `a` to `b`, (4, 2) metres."""
    a, b = np.array(a, float), np.array(b, float)
    side = np.array([a[1] - b[1], b[0] - a[0]]) / max(np.hypot(*(b - a)), 1e-6) / 2
    end = side * (width if end_width is None else end_width)
    return np.array([a - side * width, a + side * width, b + end, b - end])


def figure(canvas, x, z, parts):
    """Paints flat `parts` (class name, points (N, 2), colour[, opacity]) that face the camera at (x, z)."""
    for name, points, colour, *opacity in parts:
        canvas.polygon([(x + px, py, z) for px, py in points], name, colour, 0.05, 4, *opacity)


def facade(rng, width, height, colour, lit, shop):
    """A wall with bricks or plaster, rows of windows and a door or shop front, (h, w, 3) at 14 pixels per metre."""
    rows, columns = int(height * 14), int(width * 14)
    wall = tint(1 + 0.06 * noise(rng, rows, columns, 64) + 0.05 * noise(rng, rows, columns, 2), colour)
    if rng.random() < 0.5:
        wall[:: rng.integers(3, 6)] *= 0.86
    wall[: rng.integers(3, 9)] *= rng.uniform(0.7, 1.25)
    storey, bay = int(rng.uniform(2.6, 3.4) * 14), int(rng.uniform(1.8, 3.6) * 14)
    tall, wide = int(storey * rng.uniform(0.4, 0.65)), int(bay * rng.uniform(0.35, 0.7))
    frame = pick(rng, [(230, 230, 225), (70, 60, 50), (150, 150, 150), [0.75 * channel for channel in colour]])
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
    """A house from `z` to `z + length` whose street wall stands at `x`; `side` is -1 left or 1 right of the road."""
    rng, far, back, ridge = canvas.rng, z + length, x + side * width, height + gable
    colour, roof = pick(rng, WALLS), pick(rng, [(110, 60, 48), (70, 70, 76), (92, 80, 70)])
    bright = 1 - 0.18 * canvas.sun * side
    if gable:
        middle = x + side * width / 2
        slope = tint(1 + 0.06 * noise(rng, 60, 60, 4), roof)
        slope[::6] *= 0.8
        if rng.random() < 0.6:
            stack = z + length * rng.uniform(0.2, 0.8)
            figure(canvas, middle, stack, [("Building", bar((0, height), (0, ridge + 0.9), 0.9), colour * 0.8)])
        eave = x - side * 0.3
        corners = [(middle, ridge, far), (middle, ridge, z), (eave, height, z), (eave, height, far)]
        canvas.panel(corners, "Building", lambda: slope)
        canvas.polygon([(x, height, z), (middle, ridge, z), (back, height, z)], "Building", colour * 0.85)
    shop = not gable and rng.random() < 0.6
    canvas.panel([(x, height, z), (back, height, z), (back, 0, z), (x, 0, z)], "Building",
                 lambda: facade(rng, width, height, colour * 0.85, lit, False))
    canvas.panel([(x, height, z), (x, height, far), (x, 0, far), (x, 0, z)], "Building",
                 lambda: facade(rng, length, height, colour * bright, lit, shop))


def fence(canvas, x, z, length, height, colour, railing):
    """One panel along the street, of boards or of railings that let the things behind shine through."""
    texture = np.ones((24, int(24 * length), 4), np.float32) * (*colour, 1)
    texture[..., :3] *= 1 + 0.1 * noise(canvas.rng, *texture.shape[:2], 8)[..., None]
    texture[:, ::4, :3] *= 0.65
    if railing:
        gaps = np.ones(texture.shape[:2], bool)
        gaps[:, ::4] = gaps[:, 1::4] = gaps[2:5] = gaps[-5:-2] = False
        texture[..., 3][gaps] = 0.12
    far = z + length
    canvas.panel([(x, height, z), (x, height, far), (x, 0, far), (x, 0, z)], "Fence", lambda: texture)


def block(canvas, x, z, size, name, colour):
    """A box of (width, height, depth) metres with its front at `z`: bins, hedges and walls."""
    width, height, depth = size
    left, right = x - width / 2, x + width / 2
    inner = right if x < canvas.eye_x else left
    top = [(left, height), (right, height), (right, height), (left, height)]
    side = [(inner, 0), (inner, height), (inner, height), (inner, 0)]
    front = [(left, 0), (left, height), (right, height), (right, 0)]
    for face, far, light in ((top, (0, 0, 1, 1), 1.15), (side, (0, 0, 1, 1), 0.9), (front, (0, 0, 0, 0), 0.75)):
        points = [(px, py, z + depth * back) for (px, py), back in zip(face, far)]
        canvas.polygon(points, name, colour * light, 0.25 if name == "Tree" else 0.06)


def crown(canvas, x, z, y, radius_x, radius_y, colour):
    """A ragged ball of leaves around height `y`, with holes to see through."""
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
    canvas.paint(box, mask, "Tree", tint(np.maximum(light, 0.2), colour), z)


def tree(canvas, x, z, height):
    """A trunk with a crown of several balls, or a slim conifer."""
    rng, colour = canvas.rng, pick(canvas.rng, LEAVES)
    canvas.shadow(np.array([x, z]) + oval(-canvas.sun * height / 3, 0, height / 3, height / 3), 0.35)
    bark = pick(rng, [(82, 64, 50), (100, 92, 80), (60, 50, 44)])
    figure(canvas, x, z, [("Tree", bar((0, 0), (0, height * 0.7), height * 0.06, height * 0.03), bark)])
    if rng.random() < 0.2:
        for level in np.linspace(0.3, 0.9, 5):
            crown(canvas, x, z, height * level, height * 0.26 * (1.15 - level), height * 0.17, colour)
        return
    for _ in range(rng.integers(3, 6) if z < 50 else 2):
        radius = height * rng.uniform(0.17, 0.27)
        dx, y = height * rng.uniform(-0.16, 0.16), height * rng.uniform(0.55, 0.8)
        crown(canvas, x + dx, z, y, radius * 1.15, radius, colour * rng.uniform(0.85, 1.1))


def post(canvas, x, z, height, colour, width=0.13):
    """Upright pole as figure parts, never thinner than one pixel of the finished picture."""
    width = max(width, 2.3 * z / canvas.focal)
    return [("Pole", bar((0, 0), (0, height), width * 1.15, width * 0.85), colour)]


def lamp(canvas, x, z, height):
    """A lamp post whose arm reaches over the road."""
    colour, reach = pick(canvas.rng, [(110, 112, 115), (60, 66, 62), (150, 150, 145)]), -np.sign(x) * 1.2
    parts = post(canvas, x, z, height, colour)
    thin = max(0.09, 2.3 * z / canvas.focal)
    parts.append(("Pole", bar((0, height), (reach, height + 0.3), thin), colour))
    parts.append(("Pole", oval(reach, height + 0.27, 0.36, 0.09), colour * 1.2))
    figure(canvas, x, z, parts)


def sign(canvas, x, z, kind):
    """A pole with a round, three-cornered or square sign, a direction board or traffic lights."""
    rng, size, grey = canvas.rng, canvas.rng.uniform(0.38, 0.55), np.array([130, 132, 135])
    y = 3.2 if kind == "lights" else rng.uniform(2.2, 2.9)
    parts = post(canvas, x, z, y, grey, 0.1)
    tint = np.array([(190, 30, 35), (30, 70, 160), (30, 110, 70), (215, 170, 30)][rng.integers(4)])
    if kind == "lights":
        parts.append(("SignSymbol", bar((0, y - 0.6), (0, y + 0.6), 0.5), (30, 32, 30)))
        on = rng.integers(3)
        for i, colour in enumerate([(230, 50, 40), (235, 170, 40), (60, 210, 120)]):
            colour = np.array(colour) * (1 if i == on else 0.3)
            parts.append(("SignSymbol", oval(0, y + 0.36 * (1 - i), 0.16, 0.16), colour))
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


class Car:
    """A car, van or bus with its middle at (x, z), `heading` in radians from straight ahead to the right."""

    def __init__(self, canvas, x, z, heading, kind):
        self.canvas, self.x, self.z = canvas, x, z
        self.profile, self.materials, self.windows = CARS[kind]
        self.half = 1.25 if kind == 3 else 0.88  # metres: half its width
        self.sin, self.cos = np.sin(heading), np.cos(heading)
        self.paint, self.glass = pick(canvas.rng, PAINTS, 12), np.array(GLASS) * canvas.rng.uniform(0.6, 1.7)

    def place(self, along, up, across):
        """World point of a point of the car; `across` counts from -1 at its left flank to 1 at its right one."""
        across *= self.half
        ahead = self.z + along * self.cos - across * self.sin
        return self.x + along * self.sin + across * self.cos, up, max(ahead, 0.8)

    def fill(self, points, colour):
        """Paints the polygon of (along, up, across) points if its front is what the camera sees."""
        points = [self.place(*point) for point in points]
        (ax, ay), (bx, by), (cx, cy) = self.canvas.project([points[0], points[len(points) // 2], points[-1]])
        if (bx - ax) * (cy - ay) > (by - ay) * (cx - ax):
            self.canvas.polygon(points, "Car", colour, 0.03)

    def draw(self):
        tail, nose = self.profile[0][0] - 0.2, self.profile[-1][0] + 0.2
        mat = [self.place(a, 0, c) for a, c in ((tail, -1.2), (nose, -1.2), (nose, 1.2), (tail, 1.2))]
        self.canvas.shadow([(x, z) for x, _, z in mat], 0.6)
        stretches = list(zip(self.materials, self.profile, self.profile[1:]))
        for material, (a, b), (c, d) in stretches if self.cos < 0 else stretches[::-1]:  # far ones first
            level = 0.75 + 0.4 * abs(c - a) / np.hypot(c - a, d - b)  # what looks up to the sky is brighter
            colour = (self.glass if material == "g" else self.paint) * level
            self.fill([(a, b, -1), (c, d, -1), (c, d, 1), (a, b, 1)], colour)
        self.draw_end(*self.profile[0], 1, (190, 30, 30))
        self.draw_end(*self.profile[-1], -1, (240, 240, 215))
        for across in (-1, 1):
            self.draw_flank(across, tail, nose)

    def draw_end(self, a, b, turn, lamp_colour):
        """Lamps, number plate and the tyres below the tail (`turn` 1) or the nose (-1)."""
        details = [(0, 0.3, 0.2, 0.34, (205, 200, 170))]
        for side in (-0.77, 0.77):
            details.append((side, 0.16, 0.28, 0.42, lamp_colour))
            if abs(self.cos) > 0.95:  # turned further, the flank shows the wheels
                details.append((side, 0.12, -b, 0.02, (22, 22, 24)))
        for middle, wide, low, high, colour in details:
            left, right = middle - wide * turn, middle + wide * turn
            self.fill([(a, b + low, left), (a, b + high, left), (a, b + high, right), (a, b + low, right)], colour)

    def draw_flank(self, across, tail, nose):
        shapes = [(self.profile, self.paint * 0.85)] + [(window, self.glass * 0.8) for window in self.windows]
        for wheel in (tail * 0.62, nose * 0.62):
            for radius, colour in ((0.34, (24, 24, 26)), (0.18, (140, 140, 145))):
                shapes.append((oval(wheel, 0.34, radius, radius)[::-1], colour))
        for points, colour in shapes:
            self.fill([(a, b, across) for a, b in points][::across], colour)


def car(canvas, x, z, heading, kind):
    """Draws a `Car`."""
    Car(canvas, x, z, heading, kind).draw()


def person(canvas, x, z, height):
    """A walker: legs in mid-step, coat or shirt, arms, head and hair, sometimes a bag."""
    rng, stride, swing = canvas.rng, canvas.rng.uniform(0.02, 0.14), canvas.rng.uniform(0, 0.07)
    top, legs = pick(rng, PAINTS, 25), pick(rng, [(40, 44, 60), (70, 66, 60), (110, 110, 112)], 15)
    skin, hair = pick(rng, SKINS), pick(rng, [(40, 32, 28), (150, 120, 70), (90, 90, 90)])
    hem = rng.choice([0.47, 0.45, 0.3])
    parts = [(bar((s * 0.05, 0.5), (s * stride, 0.01), 0.11, 0.075), legs * (1 + 0.1 * s)) for s in (-1, 1)]
    parts += [(bar((s * 0.15, 0.8), (s * (0.17 + swing), 0.46), 0.07, 0.05), top * 0.85) for s in (-1, 1)]
    parts += [(np.array([(-0.15, 0.82), (0.15, 0.82), (0.13, hem), (-0.13, hem)]), top)]
    parts += [(oval(0, 0.92, 0.058, 0.078), skin), (oval(0, 0.955, 0.06, 0.048), hair)]
    if rng.random() < 0.35:
        parts.append((bar((0.17, 0.5), (0.17, 0.33), 0.13), pick(rng, PAINTS, 20)))
    canvas.shadow(np.array([x, z]) + oval(-canvas.sun * 0.5, 0, 0.6, 0.3))
    figure(canvas, x, z, [("Pedestrian", points * height, colour) for points, colour in parts])


def cyclist(canvas, x, z, squash):
    """A rider on a bicycle, seen from the side at `squash` 1 (or -1) and from the front or back near 0."""
    rng, thin = canvas.rng, max(0.06, 2.2 * z / canvas.focal)
    top, frame, helmet = (pick(rng, PAINTS, 22) for _ in range(3))
    legs, skin, tyre = pick(rng, [(40, 44, 60), (70, 66, 60), (100, 100, 104)], 15), pick(rng, SKINS), (30, 30, 32)

    def limb(a, b, *widths):
        return bar((a[0] * squash, a[1]), (b[0] * squash, b[1]), *widths)

    parts = []
    for hub in (-0.52 * squash, 0.52 * squash):
        radius = max(abs(squash) * 0.36, 0.05)
        rim, inner = oval(hub, 0.36, radius, 0.36, 24), oval(hub, 0.36, max(radius - thin * 1.1, 0), 0.36 - thin, 24)
        parts += [(rim, (90, 90, 92), 0.25), (np.vstack([rim, rim[:1], inner]), tyre)]
    for a, b in BICYCLE:
        parts.append((limb(a, b, thin), frame))
    for knee, foot in (((0.22, 0.78), (0.1, 0.28)), ((0.28, 0.9), (0.16, 0.45))):
        parts += [(limb((-0.12, 0.98), knee, 0.2, 0.15), legs), (limb(knee, foot, 0.14, 0.09), legs * 0.9)]
    parts += [(limb((-0.16, 0.95), (0.2, 1.46), 0.34 - 0.06 * abs(squash), 0.36), top)]
    parts += [(limb((0.18, 1.4), (0.46, 1.02), 0.12, 0.08), top * 0.8)]
    parts += [(oval(0.28 * squash, 1.62, 0.11, 0.14), skin), (oval(0.27 * squash, 1.7, 0.14, 0.09), helmet)]
    canvas.shadow(np.array([x, z]) + oval(0, 0, 0.3 + 0.6 * abs(squash), 0.3))
    figure(canvas, x, z, [("Bicyclist", *part) for part in parts])


def bonnet(canvas):
    """The front of the car that carries the camera, along the bottom edge: no class of the street."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    middle, top = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.86, 0.95)
    corners = np.array([middle, height]) - oval(0, 0, width * rng.uniform(0.45, 0.8), height - top, 60)
    box, mask = canvas.outline(corners)
    gloss = 1.05 - 0.25 * ramp(mask.shape[0])[:, None] + 0.1 * noise(rng, *mask.shape, 64)
    canvas.paint(box, mask, "Unlabelled", tint(gloss, pick(rng, PAINTS)), 0)


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
        while z < 60:
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
