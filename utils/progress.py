"""Console progress: quiet, a line every 30 seconds, or a progress bar (`--progress`)."""

import shutil
import sys
import time

MODES = ("quiet", "plain", "bar")
SECONDS_BETWEEN = {"quiet": float("inf"), "plain": 30.0, "bar": 0.25}  # minimum time between two lines
BAR_WIDTH = 24  # maximum number of characters


class Console:
    """Messages and progress on standard output.

    Args:
        mode: one of `MODES`; None selects "bar" on a terminal, else "plain".

    Attributes:
        mode: the selected mode.
    """

    def __init__(self, mode: str | None = None):
        self.mode = mode or ("bar" if sys.stdout.isatty() else "plain")

    def say(self, *lines: str) -> None:
        """Prints lines that are not results; nothing in mode "quiet"."""
        if self.mode != "quiet":
            print(*lines, sep="\n", flush=True)

    def progress(self, description: str, total: int | None, first: int = 0, images: int = 1) -> "Progress":
        """Creates a `Progress` in this mode; the arguments are the same."""
        return Progress(description, total, self.mode, first, images)


class Progress:
    """Progress line of a loop: completed rounds, images per second, remaining time.

    It is a context manager, which writes the line with the total time at the end.

    ```
    with Console().progress("Test image", len(paths)) as progress:
        for done, path in enumerate(paths, 1):
            ...
            progress.update(done)
    ```

    Args:
        description: text at the start of the line.
        total: number of rounds; None if it is unknown, as for a camera.
        mode: one of `MODES`.
        first: number of rounds completed before.
        images: images per round, for the speed; 0 shows no speed.

    Attributes:
        note: str, shown after the number of rounds.
    """

    def __init__(self, description: str, total: int | None, mode: str = "plain", first: int = 0, images: int = 1):
        self.description, self.total, self.mode, self.images = description, total, mode, images
        self.note = ""
        self._done, self._width = first, 0
        self._start = self._shown = time.perf_counter()
        self._warm = None  # time of the first update and its rounds; the first round includes compilation

    def __enter__(self):
        if self.mode == "bar":  # because the first round may take long
            self._write(self._start)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._write(time.perf_counter(), last=True)
        elif self._width:
            print(flush=True)

    def update(self, done: int) -> bool:
        """Sets the number of completed rounds.

        Returns:
            Whether it is time to call `show`, perhaps with a new `note`. False after the last round, because the end of
            the context writes the line.
        """
        now = time.perf_counter()
        self._done = done
        if self._warm is None:
            self._warm = now, done
        return done != self.total and now - self._shown >= SECONDS_BETWEEN[self.mode]

    def show(self) -> None:
        """Writes the line."""
        self._shown = time.perf_counter()
        self._write(self._shown)

    def count(self, done: int) -> None:
        """Sets the number of completed rounds, and writes the line if it is time."""
        if self.update(done):
            self.show()

    def interrupt(self, text: str) -> None:
        """Prints a line of text; a progress bar continues below it."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="")
            self._width = 0
        print(text, flush=True)

    def _write(self, now, last=False):
        if self.mode == "quiet":
            return
        parts = [f"{self._done}/{self.total}" if self.total else f"{self._done}"] + ([self.note] if self.note else [])
        rate = self._rate(now)
        if rate:
            speed = rate * self.images
            if speed:
                parts.append(f"{speed:.0f} images/s" if speed >= 100 else f"{speed:.3g} images/s")
            parts += [f"{clock((self.total - self._done) / rate)} left"] if self.total and not last else []
        parts += [f"in {clock(now - self._start)}"] if last else []
        line = f"{self.description}: {', '.join(parts)}"
        if self.mode == "bar":
            self._overwrite(line, last)
        else:
            print(line, flush=True)

    def _overwrite(self, line, last):
        columns = shutil.get_terminal_size().columns - 1  # a line as wide as the terminal would wrap
        width = min(BAR_WIDTH, columns - len(line) - 3)
        if self.total and not last and width >= 8:
            filled = round(width * self._done / self.total)
            line = f"[{'=' * filled}{'-' * (width - filled)}] {line}"
        line = line[:columns]
        print(f"\r{line:<{min(self._width, columns)}}", end="\n" if last else "", flush=True)
        self._width = 0 if last else len(line)

    def _rate(self, now):
        """Rounds per second since the first update; None if that is too short a time."""
        if self._warm is None:
            return None
        start, done = self._warm
        # The rounds of the first batch are reported together, in almost no time.
        if now - start < 0.1 * (now - self._start):
            return None
        return (self._done - done) / max(now - start, 1e-9)


def clock(seconds: float) -> str:
    """Formats seconds as minutes and seconds, `3:07`, or with hours, `2:03:07`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def duration(seconds: float) -> str:
    """Formats seconds as the original suite does, such as `0 hours 3 minutes 7 seconds`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hours {minutes} minutes {seconds} seconds"
