"""Built-in datasets: Streets, drawn on first use, and CamVid, downloaded on request."""

import os
import pathlib
import sys

from utils.data.folder import DATASETS, find_dataset
from utils.errors import UsageError


def find_or_make_dataset(name: str | pathlib.Path) -> pathlib.Path:
    """Finds the folder of a dataset; draws Streets, or offers to download CamVid, if they are missing.

    Args:
        name: a path, or a name that is searched in `.` and in `datasets/`.

    Returns:
        The folder.

    Raises:
        UsageError: if there is none.
    """
    try:
        return find_dataset(name)
    except UsageError as error:
        missing = error
    if name == "Streets":
        from tools.make_streets import make_streets

        print("Drawing the dataset Streets (synthetic street scenes, on first use) ...")
        return make_streets(DATASETS / name, workers=os.cpu_count() or 1)
    if name == "CamVid" and _agrees_to_download():
        from tools.get_camvid import get_camvid

        return get_camvid(DATASETS / name)
    raise missing


def _agrees_to_download():
    """Asks whether to download CamVid; without a terminal the answer is no."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    return input("There is no CamVid here. Download it now? [y/N] ").lower() in ("y", "yes")
