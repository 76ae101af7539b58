"""Other packages of the comparison: presence, versions, order of imports."""

import importlib
import importlib.metadata
import importlib.util

PACKAGES = ("torch", "torchmetrics", "albumentations", "segmentation_models_pytorch")


def is_installed(*packages: str) -> bool:
    """Returns whether all of these packages can be imported."""
    return all(importlib.util.find_spec(package) for package in packages)


def import_torch() -> None:
    """Imports PyTorch if it is installed.

    It must precede the import of Keras: PyTorch's compiler (triton) crashes when it is imported after TensorFlow.
    """
    for package in ("torch", "torchmetrics"):
        if is_installed(package):
            importlib.import_module(package)


def installed_versions() -> dict[str, str]:
    """Returns the versions of the installed packages."""
    names = [name for name in PACKAGES if is_installed(name)]
    return {name: importlib.metadata.version(name.replace("_", "-")) for name in names}
