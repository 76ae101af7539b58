"""How Keras runs: what is left as it was."""

import gc
import os
import subprocess
import sys

import pytest

from utils import backend
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


@pytest.mark.parametrize(
    ("precision", "flags", "before", "after"),
    [
        ("float32", {"avx2"}, None, "1"),
        ("auto", {"avx2"}, None, "1"),
        ("float32", {"avx2"}, "0", "0"),
        ("float32", {"avx2", "avx512_vnni"}, None, None),
        ("float32", None, None, None),
        ("bfloat16", {"avx2"}, None, None),
        (None, {"avx2"}, None, None),
    ],
)
def test_onednn_is_asked_for_in_float32_on_older_processors(precision, flags, before, after, monkeypatch):
    monkeypatch.setattr(backend, "processor_flags", lambda: flags)
    monkeypatch.delenv(backend.ONEDNN, raising=False)
    if before is not None:
        monkeypatch.setenv(backend.ONEDNN, before)
    assert backend._ask_for_onednn(precision) == (after == "1")
    assert os.environ.get(backend.ONEDNN) == after
