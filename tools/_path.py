"""Import path of a command that is started as a file, such as `python tools/get_camvid.py`.

Python then searches for modules in the script's own folder. Importing this module puts the repository's root there
instead. `python -m tools.get_camvid` needs nothing of the kind.
"""

import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)
