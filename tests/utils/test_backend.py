"""How Keras runs: what is left as it was."""

import gc
import subprocess
import sys

import pytest

from utils.backend import pause_gc, process_age


@pytest.mark.parametrize("enabled", [True, False])
def test_the_search_for_garbage_goes_on_afterwards_if_it_did_before(enabled):
    was_enabled = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(KeyError), pause_gc():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()
        gc.unfreeze()


def test_age_of_a_process():
    if not process_age():
        pytest.skip("the system does not report it")
    code = "import time; from utils.backend import process_age; time.sleep(0.5); print(process_age())"
    age = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0.5 <= age + 0.02 < 60 and age < process_age() + 1
