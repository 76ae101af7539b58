"""How Keras runs: what is left as it was."""

import gc

import pytest

from utils.backend import pause_gc


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
