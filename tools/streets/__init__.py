"""Generator of synthetic street scenes with labels, for the dataset Streets."""

from tools.streets.canvas import CLASSES
from tools.streets.scenes import draw_scene

__all__ = ["CLASSES", "draw_scene"]
