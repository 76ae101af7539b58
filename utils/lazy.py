"""Lazy attributes of a package: its public names are imported at first use."""

import importlib
import sys
from collections.abc import Callable


def lazy_names(package: str, names: dict[str, str]) -> tuple[Callable, Callable, list[str]]:
    """Defines a package's public names without importing the modules that hold them (PEP 562).

    Importing a package stays fast although some of its modules import Keras.

    Args:
        package: the package's `__name__`.
        names: from each public name to the module of the package that defines it.

    Returns:
        `(__getattr__, __dir__, __all__)` for the package's `__init__.py`.
    """

    def get_attribute(name):
        if name not in names:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        setattr(sys.modules[package], name, value)  # found directly from now on
        return value

    return get_attribute, lambda: sorted({*vars(sys.modules[package]), *names}), list(names)
