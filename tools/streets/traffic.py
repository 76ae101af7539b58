"""Traffic of a street: cars, pedestrians, cyclists, and the hood of the camera car."""

import numpy as np

from tools.streets.canvas import GLASS, PAINTS, bar, figure, noise, oval, pick, ramp, tint

SKINS = [(205, 160, 130), (160, 115, 85), (110, 75, 55)]
# The tubes of the frame, in meters from the middle of the bicycle.
BICYCLE = [((-0.52, 0.36), (-0.12, 0.9)), ((-0.52, 0.36), (0, 0.3)), ((0, 0.3), (0.4, 0.9)),
           ((0.42, 1.0), (0.52, 0.36)), ((-0.1, 0.8), (0.4, 0.85))]  # fmt: skip

# Cars in profile: (along, up) in meters from tail to nose, the material of each segment (body or glass), and windows.
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


class Car:
    """Car, van or bus with its middle at (x, z); `heading` in radians, clockwise from straight ahead."""

    def __init__(self, canvas, x, z, heading, kind):
        self.canvas, self.x, self.z = canvas, x, z
        self.profile, self.materials, self.windows = CARS[kind]
        self.half = 1.25 if kind == 3 else 0.88  # meters: half its width
        self.sin, self.cos = float(np.sin(heading)), float(np.cos(heading))
        self.paint, self.glass = pick(canvas.rng, PAINTS, 12), np.array(GLASS) * canvas.rng.uniform(0.6, 1.7)

    def place(self, along, up, across):
        """Transforms a point of the car to world coordinates; `across` is -1 at its left side, 1 at its right side."""
        across *= self.half
        ahead = self.z + along * self.cos - across * self.sin
        return self.x + along * self.sin + across * self.cos, up, max(ahead, 0.8)

    def fill(self, points, color):
        """Paints the polygon of (along, up, across) points if its front faces the camera."""
        self.canvas.polygon([self.place(*point) for point in points], "Car", color, 0.03, one_sided=True)

    def draw(self):
        """Draws the shadow, the body and the details of both ends and sides."""
        tail, nose = self.profile[0][0] - 0.2, self.profile[-1][0] + 0.2
        mat = [self.place(a, 0, c) for a, c in ((tail, -1.2), (nose, -1.2), (nose, 1.2), (tail, 1.2))]
        self.canvas.shadow([(x, z) for x, _, z in mat], 0.6)
        stretches = list(zip(self.materials, self.profile, self.profile[1:]))
        for material, (a, b), (c, d) in stretches if self.cos < 0 else stretches[::-1]:  # farthest first
            level = 0.75 + 0.4 * abs(c - a) / np.hypot(c - a, d - b)  # horizontal surfaces are brighter
            color = (self.glass if material == "g" else self.paint) * level
            self.fill([(a, b, -1), (c, d, -1), (c, d, 1), (a, b, 1)], color)
        self.draw_end(*self.profile[0], 1, (190, 30, 30))
        self.draw_end(*self.profile[-1], -1, (240, 240, 215))
        for across in (-1, 1):
            self.draw_flank(across, tail, nose)

    def draw_end(self, a, b, turn, lamp_color):
        """Draws lamps, license plate and tires of the tail (`turn` 1) or the nose (-1)."""
        details = [(0, 0.3, 0.2, 0.34, (205, 200, 170))]
        for side in (-0.77, 0.77):
            details.append((side, 0.16, 0.28, 0.42, lamp_color))
            if abs(self.cos) > 0.95:  # at other angles the wheels are visible at the side
                details.append((side, 0.12, -b, 0.02, (22, 22, 24)))
        for middle, wide, low, high, color in details:
            left, right = middle - wide * turn, middle + wide * turn
            self.fill([(a, b + low, left), (a, b + high, left), (a, b + high, right), (a, b + low, right)], color)

    def draw_flank(self, across, tail, nose):
        """Draws one side with its windows and wheels."""
        shapes = [(self.profile, self.paint * 0.85)] + [(window, self.glass * 0.8) for window in self.windows]
        for wheel in (tail * 0.62, nose * 0.62):
            for radius, color in ((0.34, (24, 24, 26)), (0.18, (140, 140, 145))):
                shapes.append((oval(wheel, 0.34, radius, radius)[::-1], color))
        for points, color in shapes:
            self.fill([(a, b, across) for a, b in points][::across], color)


def car(canvas, x, z, heading, kind):
    """Draws a `Car`."""
    Car(canvas, x, z, heading, kind).draw()


def person(canvas, x, z, height):
    """Draws a walking person: legs, torso, arms, head and hair, sometimes a bag."""
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
    figure(canvas, x, z, [("Pedestrian", points * height, color) for points, color in parts])


def cyclist(canvas, x, z, squash):
    """Draws a cyclist, from the side at `squash` 1 (or -1), from the front or back near 0."""
    rng, thin = canvas.rng, max(0.06, 2.2 * z / canvas.focal)
    top, frame, helmet = (pick(rng, PAINTS, 22) for _ in range(3))
    legs, skin, tire = pick(rng, [(40, 44, 60), (70, 66, 60), (100, 100, 104)], 15), pick(rng, SKINS), (30, 30, 32)

    def limb(a, b, *widths):
        return bar((a[0] * squash, a[1]), (b[0] * squash, b[1]), *widths)

    parts = []
    for hub in (-0.52 * squash, 0.52 * squash):
        radius = max(abs(squash) * 0.36, 0.05)
        rim, inner = oval(hub, 0.36, radius, 0.36, 24), oval(hub, 0.36, max(radius - thin * 1.1, 0), 0.36 - thin, 24)
        parts += [(rim, (90, 90, 92), 0.25), (np.vstack([rim, rim[:1], inner]), tire)]
    for a, b in BICYCLE:
        parts.append((limb(a, b, thin), frame))
    for knee, foot in (((0.22, 0.78), (0.1, 0.28)), ((0.28, 0.9), (0.16, 0.45))):
        parts += [(limb((-0.12, 0.98), knee, 0.2, 0.15), legs), (limb(knee, foot, 0.14, 0.09), legs * 0.9)]
    parts += [(limb((-0.16, 0.95), (0.2, 1.46), 0.34 - 0.06 * abs(squash), 0.36), top)]
    parts += [(limb((0.18, 1.4), (0.46, 1.02), 0.12, 0.08), top * 0.8)]
    parts += [(oval(0.28 * squash, 1.62, 0.11, 0.14), skin), (oval(0.27 * squash, 1.7, 0.14, 0.09), helmet)]
    canvas.shadow(np.array([x, z]) + oval(0, 0, 0.3 + 0.6 * abs(squash), 0.3))
    figure(canvas, x, z, [("Bicyclist", *part) for part in parts])


def hood(canvas):
    """Draws the hood of the camera car along the bottom edge, as Unlabelled."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    middle, top = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.86, 0.95)
    corners = np.array([middle, height]) - oval(0, 0, width * rng.uniform(0.45, 0.8), height - top, 60)
    box, mask = canvas.outline(corners)
    gloss = 1.05 - 0.25 * ramp(mask.shape[0])[:, None] + 0.1 * noise(rng, *mask.shape, 64)
    canvas.paint(box, mask, "Unlabelled", tint(gloss, pick(rng, PAINTS)), 0)
