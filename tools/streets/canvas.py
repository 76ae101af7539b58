"""Canvas of the street scenes: pinhole projection, noise textures, colors and flat shapes.

World coordinates are meters: x to the right of the middle of the road, y up from the ground, z ahead of the camera.
Colors are RGB in 0..255. The same strokes paint image, labels and depth, so the three agree in every pixel.
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
GLASS = (48, 58, 68)


@functools.cache
def noise_tile(cell):
    """Periodic noise of mean 0 and standard deviation 1, (1024, 1024) float32; the largest spots span `cell` pixels."""
    rng = np.random.default_rng(cell)
    tile, size = np.zeros((512, 512), np.float32), cell
    while size >= 1:
        spots = rng.standard_normal((512 // size, 512 // size)).astype(np.float32)
        tile += cv2.resize(spots, (512, 512), interpolation=cv2.INTER_CUBIC) * (size / cell) ** 0.5
        size //= 2
    tile = np.hstack([tile, tile[:, ::-1]]) / tile.std()
    return np.vstack([tile, tile[::-1]])


def noise(rng, height, width, cell):
    """Crops a random window of `noise_tile(cell)`, `(height, width)` float32."""
    tile = noise_tile(cell)
    if height > 1024 or width > 1024:
        tile = np.tile(tile, (height // 1024 + 1, width // 1024 + 1))
    row, column = (int(rng.random() * (1 + have - want)) for have, want in zip(tile.shape, (height, width)))
    return tile[row : row + height, column : column + width]


@functools.cache
def ramp(size):
    """`size` even steps from -1 to 1, float32. The array is cached and must not be changed."""
    return np.linspace(-1, 1, size, dtype=np.float32)


def tint(light, color):
    """Multiplies `light` (h, w) by `color` (3,) to (h, w, 3) float32, by channel: much faster than broadcasting."""
    return cv2.merge([light * np.float32(channel) for channel in color])


def pick(rng, colors, spread=10):
    """Picks one of `colors` and varies its lightness and tint at random, (3,) float32."""
    color = np.array(colors[int(rng.random() * len(colors))], np.float32)
    return np.clip(color + rng.normal(0, spread) + rng.normal(0, spread / 2, 3), 8, 245).astype(np.float32)


class Canvas:
    """Image of a pinhole camera: `image` (H, W, 3) float32, `labels` (H, W) uint8, `depth` (H, W) float32 in meters."""

    def __init__(self, rng, height, width):
        self.rng, self.height, self.width, self.planned = rng, height, width, []
        self.image = np.zeros((height, width, 3), np.float32)
        self.labels = np.full((height, width), INDEX["Sky"], np.uint8)
        self.depth = np.zeros((height, width), np.float32)
        self.focal = width * rng.uniform(0.7, 1.1)
        self.vanishing = np.array([width * rng.uniform(0.2, 0.8), height * rng.uniform(0.3, 0.58)])
        roll = rng.normal(0, 0.025)  # radians
        self.turn = np.array([(np.cos(roll), np.sin(roll)), (-np.sin(roll), np.cos(roll))])
        self.bend = rng.normal(0, 0.0012)  # the middle of the road is x = bend * z**2
        self.eye_x, self.eye_y = 0.0, rng.uniform(1.3, 2.4)
        self.sun = float(rng.integers(-1, 2))  # left, overcast, right

    def plan(self, distance, draw, *arguments):
        """Schedules `draw(canvas, *arguments)` for an object at `distance` meters."""
        self.planned.append((distance, draw, arguments))

    def draw_planned(self):
        """Draws the scheduled objects, the farthest first (painter's algorithm)."""
        for _, draw, arguments in sorted(self.planned, key=lambda entry: -entry[0]):
            draw(self, *arguments)

    def project(self, points):
        """Projects world points (N, 3) to pixels (N, 2), x then y."""
        x, y, z = np.array(points, float).T
        flat = np.array([x + self.bend * z * z - self.eye_x, self.eye_y - y]) * (self.focal / z)
        return flat.T @ self.turn + self.vanishing

    def ground(self):
        """Returns world x and z of the ground at each pixel, (H, W) float32 each; z is inf above the horizon."""
        u = np.arange(self.width, dtype=np.float32)[None] - np.float32(self.vanishing[0])
        v = np.arange(self.height, dtype=np.float32)[:, None] - np.float32(self.vanishing[1])
        cos, sin = self.turn[0].astype(np.float32)
        u, v = cos * u + sin * v, cos * v - sin * u
        z = np.where(v > 0.5, np.float32(self.focal * self.eye_y) / np.maximum(v, 0.5), np.float32(np.inf))
        near = np.minimum(z, 1e4)
        return u * near / np.float32(self.focal) + np.float32(self.eye_x) - np.float32(self.bend) * near**2, z

    def outline(self, corners):
        """Rasterizes a polygon of pixel `corners` (N, 2): slices of its visible bounding box, and the mask in it."""
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        left, top = max(int(left), 0), max(int(top), 0)
        right, bottom = min(int(right) + 2, self.width), min(int(bottom) + 2, self.height)
        mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
        if mask.size:
            cv2.fillPoly(mask, [np.round(corners - (left, top)).astype(np.int32)], 1)
        return np.s_[top : max(bottom, top), left : max(right, left)], mask

    def paint(self, box, mask, name, color, depth, opacity=None):
        """Writes `color` (3,) or (h, w, 3), class `name` or indices (h, w), and `depth` into `box` where `mask` is 1.

        `opacity` (h, w) blends the color with the background. The label stays that of the object, as in manual
        annotations of wheels and railings.
        """
        view = self.image[box]
        patch = np.empty(view.shape, np.float32)
        patch[:] = color if opacity is None else view + (color - view) * np.asarray(opacity, np.float32)[..., None]
        cv2.copyTo(patch, mask, view)
        inside = mask.view(bool)
        np.copyto(self.labels[box], INDEX[name] if isinstance(name, str) else name, where=inside)
        np.copyto(self.depth[box], depth, where=inside, casting="unsafe")

    def polygon(self, points, name, color, grain=0.05, opacity=None, one_sided=False):
        """Fills world polygon `points` (N, 3) with grain, lighter towards the sun.

        A `one_sided` polygon is painted only if its corners are clockwise in the image (back-face culling).
        """
        corners = self.project(points)
        if one_sided:
            (ax, ay), (bx, by), (cx, cy) = corners[[0, len(corners) // 2, -1]].tolist()
            if (bx - ax) * (cy - ay) <= (by - ay) * (cx - ax):
                return
        box, mask = self.outline(corners)
        if mask.size:
            if mask.size > 80:  # grain is invisible on smaller polygons
                light = 1 + 0.12 * self.sun * ramp(mask.shape[1])
                color = tint(light + grain * noise(self.rng, *mask.shape, 4), color)
            self.paint(box, mask, name, color, sum(p[2] for p in points) / len(points), opacity)

    def panel(self, points, name, texture):
        """Warps a texture over the world quad top left, top right, bottom right, bottom left.

        `texture()` returns (h, w, 3), or (h, w, 4) with opacity in 0..1. It is called only if the quad is visible.
        """
        corners = self.project(points)
        box, mask = self.outline(corners)
        if not mask.any():
            return
        texture = texture()
        spans = np.ptp(corners, axis=0)  # a texture much finer than the image would alias
        size = [int(np.clip(span, 4, side)) for span, side in zip(spans, texture.shape[1::-1])]
        texture = cv2.resize(texture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        source = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
        target = (corners - (box[1].start, box[0].start)).astype(np.float32)
        warped = cv2.warpPerspective(texture, cv2.getPerspectiveTransform(source, target), mask.shape[::-1],
                                     borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        opacity = warped[..., 3] if warped.shape[2] == 4 else None
        self.paint(box, mask, name, warped[..., :3], sum(p[2] for p in points) / len(points), opacity)

    def shadow(self, points, strength=0.5):
        """Darkens road and pavement, but not the objects on them, inside ground polygon `points` (N, 2: x, z)."""
        box, mask = self.outline(self.project([(x, 0, max(z, 0.8)) for x, z in points]))
        ground = (self.labels[box] == INDEX["Road"]) | (self.labels[box] == INDEX["Pavement"])
        self.image[box][(mask > 0) & ground] *= 1 - strength


@functools.cache
def circle(corners):
    """Regular polygon of radius 1, (corners, 2). The array is cached and must not be changed."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def oval(x, y, radius_x, radius_y, corners=16):
    """Upright ellipse, (corners, 2) in meters."""
    return circle(corners) * (radius_x, radius_y) + (x, y)


def bar(a, b, width, end_width=None):
    """Straight bar from `a` to `b`, (4, 2) in meters."""
    (ax, ay), (bx, by), end_width = a, b, width if end_width is None else end_width
    span = max(np.hypot(bx - ax, by - ay), 1e-6) * 2
    x, y = (ay - by) / span, (bx - ax) / span
    start = [(ax - x * width, ay - y * width), (ax + x * width, ay + y * width)]
    return np.array([*start, (bx + x * end_width, by + y * end_width), (bx - x * end_width, by - y * end_width)])


def figure(canvas, x, z, parts):
    """Paints flat `parts` (class name, points (N, 2), color[, opacity]) at (x, z), facing the camera."""
    for name, points, color, *opacity in parts:
        canvas.polygon([(x + px, py, z) for px, py in points.tolist()], name, color, 0.05, *opacity)
