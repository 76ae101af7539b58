"""Import path of the labs when they run as scripts: adds the repository's folder."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
