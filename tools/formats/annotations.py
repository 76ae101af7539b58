"""Classes of shape annotations: from a class file or from the annotations, with a background class."""

import collections

from tools.formats.base import listed
from tools.formats.classes import make_classes, read_class_file
from utils.class_dict import IGNORED
from utils.errors import UsageError

IGNORE = "ignore"  # --background ignore
LABELME_NAMES = {"_background_", "__ignore__"}  # the first names of LabelMe's class files


class DrawnClasses:
    """Class indices of annotation names.

    Args:
        options: `Options`; its `classes` is the path of a class file or None.
        annotated: list of str, the names in the annotations; without a class file, in the order of the classes.
        colors: dict from names to RGB colors, for names that have one, or None.

    Attributes:
        classes: `ClassDict`; a background that is not in the class file comes first, unless it is ignored.
        indices: dict from names to class indices; 255 for ignored names.
        background: int, the class index of pixels that no shape covers, or 255.

    Raises:
        UsageError: if the class file lacks names of the annotations.
    """

    def __init__(self, options, annotated, colors=None):
        names, file_colors = read_class_file(options.classes) if options.classes else (list(annotated), None)
        colors = dict(zip(names, file_colors)) if file_colors else dict(colors or {})
        names = [name for name in dict.fromkeys(names) if name not in LABELME_NAMES]
        unknown = [name for name in annotated if name not in names and name not in (options.background, *LABELME_NAMES)]
        if unknown:
            raise UsageError(
                f"--classes {options.classes} lacks {listed(unknown, 5)}, which the annotations have; add them"
            )
        ignored = options.background == IGNORE
        if not ignored and options.background not in names:
            names.insert(0, options.background)
            colors.setdefault(options.background, (0, 0, 0))
        all_colors = [colors[name] for name in names] if all(name in colors for name in names) else None
        self.classes = make_classes(names, all_colors, first=int(ignored))
        self.indices = {name: index for index, name in enumerate(names)}
        self.background = IGNORED if ignored else self.indices[options.background]
        self.indices.update({"_background_": self.background, "__ignore__": IGNORED})


def skipped_shapes(kinds: collections.Counter) -> str:
    """Note about shapes without an area, from the counts of their kinds; "" if there are none."""
    if not kinds:
        return ""
    return "not drawn, as they have no area: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())
