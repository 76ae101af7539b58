"""What the tests share: a small generated dataset, and a network small enough to train in a second."""

import gc
import os
import pathlib
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs; some tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.fsync = lambda descriptor: None  # tests need not survive a power failure
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent / "tiny"))
sys.path.append(str(pathlib.Path(__file__).parent))  # chromium

import pytest

from utils.backend import import_backend

import_backend("float32")  # as train.py does

import tiny_model  # noqa: F401  registers the network "tiny"
import tiny_plots

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def pytest_collection_finish():
    """Lets garbage collection run less often: it took an eighth of the time."""
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def _small_heap():
    """Lets garbage collection skip what was imported and what earlier files left: it took seconds after each epoch."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def streets(tmp_path_factory):
    """A folder in the suite's layout: 10 training, 3 validation and 5 test images of 64x96 pixels."""
    from tools.make_streets import make_streets

    return make_streets(tmp_path_factory.mktemp("data") / "Streets", train=10, val=3, test=5, height=64, width=96)


@pytest.fixture
def blank_plots():
    """Leaves out the plots of the trainings of a test; fixtures of a wider scope run before this one."""
    with tiny_plots.blank_plots():
        yield


@pytest.fixture(scope="session")
def camvid():
    """The real CamVid, in `datasets/` or in a shared folder beside the repository."""
    for folder in (REPOSITORY / "datasets" / "CamVid", REPOSITORY.parent / "shared" / "datasets" / "CamVid"):
        if folder.is_dir():
            return folder
    pytest.skip("CamVid is not here")
