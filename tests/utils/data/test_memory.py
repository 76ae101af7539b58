import pathlib

import pytest

from utils.data import memory
from utils.data.memory import available_memory, check_cache_fits
from utils.errors import UsageError


def test_cache_that_does_not_fit_is_refused(monkeypatch):
    pixels = 1024 * 1024 * 512  # 2 GiB
    monkeypatch.setattr(memory, "available_memory", lambda: 3 * 2**30)
    with pytest.raises(UsageError) as error:
        check_cache_fits(pixels)
    assert all(part in str(error.value) for part in ("--cache", "2.0 GiB", "3.0 GiB"))
    for enough in (4 * 2**30, None):
        monkeypatch.setattr(memory, "available_memory", lambda: enough)
        check_cache_fits(pixels)


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be a machine with these files in /proc and /sys."""

    def machine(**files):
        def read_text(path, *args, **kwargs):
            if path.name.replace(".", "_") in files:
                return files[path.name.replace(".", "_")]
            raise FileNotFoundError(path)

        monkeypatch.setattr(pathlib.Path, "read_text", read_text)

    return machine


MEMINFO = "MemTotal:       16000 kB\nMemAvailable:    8000 kB\nHugePages_Total:       0\n"


def test_available_memory(machine):
    machine()
    assert available_memory() is None
    machine(meminfo=MEMINFO)
    assert available_memory() == 8000 * 1024
    machine(meminfo=MEMINFO, memory_max="max\n", memory_current="5\n", memory_stat="inactive_file 1\n")
    assert available_memory() == 8000 * 1024
    stat = "anon 9\ninactive_file 0\n"
    machine(meminfo=MEMINFO, memory_max="4000000\n", memory_current="1500000\n", memory_stat=stat)
    assert available_memory() == 2_500_000
    # Files that were read, such as the images while they were checked, do not use memory up.
    machine(memory_max="4000000\n", memory_current="3900000\n", memory_stat="anon 100\ninactive_file 3000000\n")
    assert available_memory() == 3_100_000


def test_available_memory_of_this_machine():
    available = available_memory()
    assert available is None or 2**20 < available < 2**50
