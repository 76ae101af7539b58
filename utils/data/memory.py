"""Memory of the machine, and of a cache of decoded images."""

import pathlib

from utils.errors import UsageError


def check_cache_fits(pixels: float, channels: int = 3) -> None:
    """Refuses a cache that memory cannot hold.

    Args:
        pixels: of all images together.
        channels: of an image; a pixel takes a byte for each, and one for its label.

    Raises:
        UsageError: naming the memory needed and the memory available.
    """
    needed = (channels + 1) * pixels
    available = available_memory()
    # Half, for the network needs memory too.
    if available is not None and needed > available / 2:
        raise UsageError(
            f"--cache would keep {needed / 2**30:.1f} GiB of decoded images in memory, more than half of the "
            f"{available / 2**30:.1f} GiB that are available; train without it"
        )


def available_memory() -> int | None:
    """Returns the available memory in bytes: the machine's, or the control group's if that is less; None if unknown."""
    amounts = []
    try:
        fields = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
        amounts.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        pass
    try:
        group = pathlib.Path("/sys/fs/cgroup")
        limit, used = (int((group / f"memory.{which}").read_text()) for which in ("max", "current"))
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # The page cache counts as used, but is freed as soon as a program needs the memory.
        amounts.append(limit - used + int(statistics["inactive_file"]))
    except (OSError, KeyError, ValueError):
        pass
    return min(amounts, default=None)
