import pytest
from tiny_peers import run_as_peers

from utils.peers import ALONE, Peers


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_every_item_is_dealt_once(count):
    parts = [Peers(rank, count).share(range(7)) for rank in range(count)]
    assert sorted(sum(parts, [])) == list(range(7))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_gathered_values_are_exact():
    values = [[2**53 + 1, 0.1 + 0.2, None, "ä"], {"a": [1e-320]}]  # neither fits 32 bits; of different lengths
    assert run_as_peers(2, lambda peers: peers.gather(values[peers.rank])) == [values, values]


def test_a_process_alone_needs_no_exchange():
    assert ALONE.gather({"a": 1}) == [{"a": 1}] and ALONE.share("ab") == ["a", "b"] and ALONE.is_chief
