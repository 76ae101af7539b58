"""Class dictionary: names and colors of the classes, and conversion between label colors and class indices."""

import numpy as np

from utils.class_file import MAX_CLASSES, read_class_rows
from utils.errors import UnknownColorsError, UsageError, did_you_mean

IGNORED = 255  # the index of pixels that are left out of loss and scores
UNKNOWN = MAX_CLASSES  # 254 marks colors of no class while a label image is being encoded


class ClassDict:
    """Names and colors of the classes, in index order.

    Args:
        class_names: sequence of C different str, 1 <= C <= 254.
        label_values: C different RGB colors, array-like `(C, 3)` of int in 0..255.
        ignored: mapping from the name of each class that is left out of loss and scores to
            `(index, color)`: the index the class has in single-channel label files, and its RGB color.
        unknown: treatment of label colors and indices of no class: "error", "ignore" (index 255), or "nearest" (the
            nearest class color; an error for indices).
        label_format: "auto", "colors", "indices" or "binary", how the labels of the dataset are stored.

    Attributes:
        class_names: list of C str.
        label_values: uint8 array `(C, 3)`.
        readings: dict from kinds of label files to "colors", "indices" or "binary"; empty until
            `checks.decide_readings` has seen the dataset.
        targets: uint8 array `(256,)` from these classes to those of another `ClassDict`, or None; see `map_to`.
        orientation: "stored" or "upright", how labels are drawn on images with an EXIF orientation whose size does not
            tell; "auto" until `checks.check_pairs` has decided it.

    Raises:
        UsageError: for duplicate names or colors, or too many classes.
    """

    def __init__(self, class_names, label_values, ignored=None, unknown: str = "error", label_format: str = "auto"):
        self.class_names = list(class_names)
        self.label_values = np.asarray(label_values, np.uint8).reshape(-1, 3)
        self.ignored, self.unknown, self.label_format = dict(ignored or {}), unknown, label_format
        self.readings, self.targets, self.orientation = {}, None, "auto"
        if len(self.class_names) != len(self.label_values):
            raise UsageError(f"{len(self.class_names)} class names but {len(self.label_values)} colors")
        if not 0 < len(self.class_names) <= UNKNOWN:
            raise UsageError(f"{len(self.class_names)} classes; from 1 to {UNKNOWN} are possible")
        if len(set(self.class_names)) < len(self.class_names):
            raise UsageError("two classes have the same name")
        if len(set(map(tuple, self.label_values.tolist()))) < len(self.class_names):
            raise UsageError("two classes have the same color")
        self._table = self._index_table = None

    @property
    def num_classes(self) -> int:
        """The number of classes that are not ignored."""
        return len(self.class_names)

    @property
    def num_rows(self) -> int:
        """The number of rows of class_dict.csv: ignored classes included."""
        return len(self.class_names) + len(self.ignored)

    @classmethod
    def from_csv(cls, path, unknown: str = "error", label_format: str = "auto") -> "ClassDict":
        """Reads the suite's `class_dict.csv`, see `class_file.read_class_rows`."""
        names, colors = read_class_rows(path)
        return cls(names, colors, None, unknown, label_format)

    def without(self, names) -> "ClassDict":
        """Leaves classes out of loss and scores: their pixels become 255, the indices of later classes decrease.

        Args:
            names: sequence of class names.

        Raises:
            UsageError: if there is no such class, or fewer than two would be left.
        """
        for name in names:
            if name not in self.class_names:
                hint = did_you_mean(name, self.class_names)
                raise UsageError(f"no class '{name}' to ignore{hint}; the classes are {', '.join(self.class_names)}")
        left = [index for index, name in enumerate(self.class_names) if name not in names]
        if len(left) < 2:
            raise UsageError(f"ignoring {', '.join(names)} leaves {len(left)} classes; at least two are needed")
        original, ignored = self._original_indices(), dict(self.ignored)
        for name in names:
            index = self.class_names.index(name)
            ignored[name] = (original[index], tuple(self.label_values[index].tolist()))
        names = [self.class_names[i] for i in left]
        return ClassDict(names, self.label_values[left], ignored, self.unknown, self.label_format)

    def map_to(self, other: "ClassDict") -> list[str]:
        """Lets labels be read as the classes of another dataset, where the names agree regardless of case.

        Args:
            other: `ClassDict` of the other dataset.

        Returns:
            Names of these classes that `other` does not have; their pixels are ignored.
        """
        indices = {name.casefold(): index for index, name in enumerate(other.class_names)}
        self.targets = np.full(256, IGNORED, np.uint8)
        self.targets[UNKNOWN] = UNKNOWN
        for index, name in enumerate(self.class_names):
            self.targets[index] = indices.get(name.casefold(), IGNORED)
        return [name for index, name in enumerate(self.class_names) if self.targets[index] == IGNORED]

    def to_targets(self, codes: np.ndarray) -> np.ndarray:
        """Returns the classes of the other dataset after `map_to`, else the same ones; 255 and 254 stay."""
        return codes if self.targets is None else self.targets[codes]

    def encode(self, rgb: np.ndarray, name="the label image") -> np.ndarray:
        """Converts the colors of a label image to class indices.

        Args:
            rgb: uint8 array `(H, W, 3)`.
            name: path or str, the image's name in an error.

        Returns:
            uint8 array `(H, W)` of class indices; 255 where a class is ignored.

        Raises:
            UsageError: naming the commonest unknown colors and their numbers of pixels.
        """
        indices, packed = self.look_up(rgb)
        self.fill_nearest(indices, rgb)
        return self._resolve_unknown(indices, packed, name, _unpack)

    def is_known(self, rgb: np.ndarray) -> np.ndarray:
        """Returns which pixels have the color of a class, ignored classes included.

        Args:
            rgb: uint8 array `(H, W, 3)`.

        Returns:
            bool array `(H, W)`.
        """
        return self.look_up(rgb)[0] != UNKNOWN

    def encode_indices(self, values: np.ndarray, name="the label image") -> np.ndarray:
        """Converts a single-channel label image to class indices. 255 is ignored.

        Args:
            values: uint8 or uint16 array `(H, W)`: line numbers of class_dict.csv, counted from 0.
            name: as in `encode`.

        Returns:
            uint8 array `(H, W)`; lower than `values` where `without` left out classes before them.

        Raises:
            UsageError: naming the commonest unknown values and their numbers of pixels.
        """
        return self._resolve_unknown(self.index_table().take(values), values, name, int)

    def index_table(self) -> np.ndarray:
        """Returns the class of each stored index, uint8 `(65536,)`: 255 = ignored, 254 = of no class."""
        if self._index_table is None:
            table = np.full(1 << 16, UNKNOWN, np.uint8)
            table[self._original_indices()] = np.arange(self.num_classes)
            table[[IGNORED] + [index for index, _ in self.ignored.values()]] = IGNORED
            self._index_table = table
        return self._index_table

    def nearest(self, rgb: np.ndarray) -> np.ndarray:
        """Finds the classes of the nearest colors, by Euclidean distance in RGB.

        Args:
            rgb: uint8 array `(N, 3)`.

        Returns:
            uint8 array `(N,)`; 255 where the nearest color is that of an ignored class.
        """
        colors = np.array([*self.label_values.tolist(), *(color for _, color in self.ignored.values())], np.int32)
        codes = np.full(len(colors), IGNORED, np.uint8)
        codes[: self.num_classes] = np.arange(self.num_classes)
        distances = [((rgb.astype(np.int32) - color) ** 2).sum(axis=-1) for color in colors]
        return codes[np.argmin(distances, axis=0)]

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Converts class indices to colors.

        Args:
            indices: integer array `(H, W)`, class indices or 255.

        Returns:
            uint8 array `(H, W, 3)`, RGB. 255 gets the color of the first ignored class, or black.
        """
        palette = np.zeros((256, 3), np.uint8)
        palette[: self.num_classes] = self.label_values
        palette[IGNORED] = next((color for _, color in self.ignored.values()), (0, 0, 0))
        return palette.take(indices, axis=0)

    def to_dict(self) -> dict:
        """Returns the arguments as JSON types, under their keys in a run's settings."""
        return {
            "class_names": list(self.class_names),
            "label_values": self.label_values.tolist(),
            "ignored": {name: [index, list(color)] for name, (index, color) in self.ignored.items()},
            "unknown_colours": self.unknown,
        }

    @classmethod
    def from_dict(cls, values: dict, unknown: str | None = None, label_format: str | None = None) -> "ClassDict":
        """Restores classes from `to_dict` or a run's settings; what is not None overrides the saved value."""
        names, colors, ignored = (values[key] for key in ("class_names", "label_values", "ignored"))
        unknown = unknown or values.get("unknown_colours", "error")
        return cls(names, colors, ignored, unknown, label_format or values.get("label_format", "auto"))

    def fill_nearest(self, indices: np.ndarray, rgb: np.ndarray) -> None:
        """Replaces 254 with the class of the nearest color, in place, if `unknown` is "nearest".

        Args:
            indices: uint8 array `(H, W)` of `look_up`.
            rgb: uint8 array `(H, W, 3)`.
        """
        unknown = indices == UNKNOWN
        if self.unknown == "nearest" and unknown.any():
            colors, positions = np.unique(np.asarray(rgb)[unknown], axis=0, return_inverse=True)
            indices[unknown] = self.nearest(colors)[positions.ravel()]

    def _original_indices(self):
        """Returns the indices of the classes in class_dict.csv."""
        taken = {index for index, _ in self.ignored.values()}
        return [index for index in range(self.num_classes + len(taken)) if index not in taken]

    def look_up(self, rgb):
        """Returns the class indices of colors, 254 where unknown, and the colors as numbers 0xBBGGRR."""
        import cv2  # only here: losses and scores, which import this module, need NumPy alone

        if self._table is None:
            # Threads share this object: the table is assigned only when it is complete.
            table = np.full(1 << 24, UNKNOWN, np.uint8)
            for _, color in self.ignored.values():
                table[_pack(color)] = IGNORED
            for index, color in enumerate(self.label_values.tolist()):
                table[_pack(color)] = index
            self._table = table
        # A fourth byte, which OpenCV sets to 255, makes each color a 32-bit number.
        packed = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2RGBA).view("<u4")[..., 0] & 0xFFFFFF
        return self._table.take(packed), packed

    def _resolve_unknown(self, indices, source, name, describe):
        """Ignores unknown pixels or raises for them, as `unknown` says."""
        unknown_pixels = indices == UNKNOWN
        if self.unknown == "ignore" or not unknown_pixels.any():
            indices[unknown_pixels] = IGNORED
            return indices
        values, counts = np.unique(source[unknown_pixels], return_counts=True)
        pixels = {str(describe(values[i])): int(counts[i]) for i in np.argsort(-counts, kind="stable")}
        commonest = [f"{value} ({count} px)" for value, count in list(pixels.items())[:3]]
        raise UnknownColorsError(
            f"{name}: {len(values)} {'values' if describe is int else 'colors'} that class_dict.csv does not have: "
            f"{', '.join(commonest)}{', ...' if len(values) > 3 else ''}; add the classes to class_dict.csv",
            pixels,
        )


def _pack(color):
    red, green, blue = map(int, color)
    return red | green << 8 | blue << 16


def _unpack(packed):
    return (int(packed & 255), int(packed >> 8 & 255), int(packed >> 16 & 255))
