"""Commands beside train.py, test.py, predict.py, export.py and benchmark.py: datasets, reports and recorded results."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent  # of the repository
