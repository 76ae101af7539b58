import subprocess
import sys

import utils.data

READERS = "augmentation", "checks", "class_weights", "folder", "images", "labels"


def test_the_public_names_exist():
    assert 3 <= len(utils.data.__all__) <= 8
    assert all(callable(getattr(utils.data, name)) for name in utils.data.__all__)


def test_reading_needs_no_keras():
    modules = ["utils.class_dict", *(f"utils.data.{name}" for name in READERS)]
    imports = f"import sys, {', '.join(modules)}; from utils.data import read_pair"
    check = "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"{imports}; {check}"], check=True)
