"""Soak test: trainings killed and resumed, mutated files, injected failures; see tools/soak/command.py.

python tools/soak.py --minutes 20 --parts kills fuzz
"""

import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.soak.command import main

if __name__ == "__main__":
    sys.exit(main())
