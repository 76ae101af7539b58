import pytest
from tiny_peers import run_as_peers

from utils import distribution, errors
from utils.distribution import PeerLostError, check_shared, describe, largest_divisor, peer_errors
from utils.errors import UsageError


@pytest.mark.parametrize("batch_size, most, expected", [(32, 8, 8), (12, 8, 6), (1, 8, 1), (7, 4, 1), (4, 8, 4)])
def test_largest_divisor(batch_size, most, expected):
    assert largest_divisor(batch_size, most) == expected


def test_devices_are_told():
    assert describe(1, 1, 4) is None
    assert describe(8, 8, 32) == "Devices --> 8 of 8, with 4 images of each batch"
    assert describe(1, 2, 1).endswith("multiple of 2, such as 2") and "with 1 image of" in describe(1, 2, 1)
    assert describe(6, 8, 12).endswith("multiple of 8, such as 16")


def test_all_processes_see_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(distribution, "SHARED", 0.3)
    run_as_peers(2, lambda peers: check_shared(tmp_path / "shared", peers))
    assert not list((tmp_path / "shared").iterdir())

    def check(peers):
        with pytest.raises(UsageError, match="process 1 does not see"):
            check_shared(tmp_path / str(peers.rank), peers)

    run_as_peers(2, check)


@pytest.mark.parametrize("text", ["Gloo all-reduce failed: Connection reset by peer", "NCCL operation failed"])
def test_the_loss_of_a_process_is_a_line(monkeypatch, text):
    monkeypatch.setattr(errors, "leave_at_once", True)
    with pytest.raises(PeerLostError, match="has ended; start again") as caught, peer_errors("start again"):
        raise RuntimeError(text)
    assert caught.value.exit_code == 75
    with pytest.raises(RuntimeError, match="defect"), peer_errors("start again"):
        raise RuntimeError("a defect")


def test_other_errors_of_a_process_alone_stay():
    with pytest.raises(RuntimeError, match="Connection"), peer_errors("start again"):
        raise RuntimeError("Connection refused")
