"""How Keras runs: what is left as it was."""

import gc
import os
import subprocess
import sys

import pytest

from utils.backend import import_backend, pause_gc, process_age


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
    ("precision", "before", "after"),
    [("float32", None, "1"), ("auto", None, "1"), ("bfloat16", None, None), (None, None, None), ("float32", "0", "0")],
)
def test_onednn_is_asked_for_in_float32_unless_the_user_decides(precision, before, after, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if before is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    import_backend(precision)
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == after
