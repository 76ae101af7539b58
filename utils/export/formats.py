"""File formats of exported networks: extensions and packages."""

import importlib.util
from typing import NamedTuple

from utils.errors import UsageError


class Format(NamedTuple):
    """A file format.

    Attributes:
        suffix: of the file; empty for a folder.
        packages: import names of the packages that it needs besides this suite's own.
        install: arguments of pip install for these packages.
        mark: for a folder, the file by which a folder of the format is known, a pattern.
        int8_by_way_of: a format whose packages `--int8` needs too; "" for none.
    """

    suffix: str
    packages: tuple = ()
    install: str = ""
    mark: str = ""
    int8_by_way_of: str = ""


ONNX = ("tf2onnx", "onnx", "onnxruntime"), "tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0"
OPENVINO = ("openvino", "scipy"), "openvino==2026.4.1 scipy"
FORMATS = {
    "savedmodel": Format("", mark="saved_model.pb"),
    "onnx": Format(".onnx", *ONNX),
    "litert": Format(".tflite"),
    "openvino": Format(".xml", *OPENVINO, int8_by_way_of="onnx"),
    "keras": Format(".keras"),
    # Folders of several files, each written by the module of its name.
    "web": Format("", *ONNX, mark="model.onnx.gz"),
    "serving": Format("", mark="models/*/1/saved_model.pb"),
    "hub": Format("", mark="model.keras"),
}
BUNDLES = ("web", "serving", "hub")


def check_packages(format_name: str, precision: str = "float32"):
    """Raises UsageError if packages that a format needs in a precision are not installed."""
    row = FORMATS[format_name]
    rows = [row, FORMATS[row.int8_by_way_of]] if precision == "int8" and row.int8_by_way_of else [row]
    missing = [name for row in rows for name in row.packages if importlib.util.find_spec(name) is None]
    if missing:
        install = " ".join(row.install for row in rows if set(row.packages) & set(missing))
        flag = " --int8" if len(rows) > 1 else ""
        raise UsageError(f"--format {format_name}{flag} needs {', '.join(missing)}: pip install {install}")
