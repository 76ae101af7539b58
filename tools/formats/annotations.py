"""The classes of hand-drawn annotations: from a user's file or from what occurs, and the background."""

from tools.formats.classes import make_classes, read_class_file
from utils.class_dict import IGNORED
from utils.errors import UsageError

IGNORE = "ignore"  # --background ignore
LABELME_NAMES = {"_background_", "__ignore__"}  # what LabelMe's own lists begin with


class DrawnClasses:
    """Class indices by name.

    Args:
        options: `Options`; its `classes` is the path of a file of classes or None.
        found: list of str, the names in the annotations, in the order that counts without a file.
        colors: dict from name to RGB color of names that have one, or None.

    Attributes:
        classes: `ClassDict`; the background, unless it is ignored, comes first where the list lacks it.
        indices: dict from name to class index; 255 for names that are ignored.
        background: int, the class index of what no shape covers, or 255.

    Raises:
        UsageError: if the annotations have names that the file lacks.
    """

    def __init__(self, options, found, colors=None):
        names, given = read_class_file(options.classes) if options.classes else (list(found), None)
        colors = dict(zip(names, given)) if given else dict(colors or {})
        names = [name for name in dict.fromkeys(names) if name not in LABELME_NAMES]
        unknown = [name for name in found if name not in names and name not in (options.background, *LABELME_NAMES)]
        if unknown:
            raise UsageError(f"--classes {options.classes} lacks {', '.join(unknown)}, which the annotations have")
        ignored = options.background == IGNORE
        if not ignored and options.background not in names:
            names.insert(0, options.background)
            colors.setdefault(options.background, (0, 0, 0))
        every = [colors[name] for name in names] if all(name in colors for name in names) else None
        self.classes = make_classes(names, every, first=int(ignored))
        self.indices = {name: index for index, name in enumerate(names)}
        self.background = IGNORED if ignored else self.indices[options.background]
        self.indices.update({"_background_": self.background, "__ignore__": IGNORED})


def skipped(kinds):
    """A note about shapes that have no area, from a `collections.Counter` of their kinds; "" if there are none."""
    if not kinds:
        return ""
    return "not drawn, as they have no area: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())
