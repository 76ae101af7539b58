"""Console progress: quiet, a line every 30 seconds, or a progress bar (`--progress`)."""

import shutil
import sys
import time

MODES = ("quiet", "plain", "bar")
SECONDS_BETWEEN = {"quiet": float("inf"), "plain": 30.0, "bar": 0.25}  # lines of progress, at the least
BAR_WIDTH = 24  # characters, at the most


class Console:
    """Standard output, as talkative as the user wants it.

    Args:
        mode: one of `MODES`; None: "bar" on a terminal, else "plain".
    """

    def __init__(self, mode=None):
        self.mode = mode or ("bar" if sys.stdout.isatty() else "plain")

    def say(self, *lines):
        """Prints what is no result: not in mode "quiet"."""
        if self.mode != "quiet":
            print(*lines, sep="\n", flush=True)

    def progress(self, what, total, first=0, images=1):
        """`Progress` of this mode; the arguments are the same."""
        return Progress(what, total, self.mode, first, images)


class Progress:
    """How far a loop has come, in one line. A context: leaving it writes the line a last time.

    ```
    with Console().progress("Test image", len(paths)) as progress:
        for done, path in enumerate(paths, 1):
            ...
            progress.update(done)
    ```

    Args:
        what: str, what the line begins with.
        total: int, the number of rounds; None where nobody knows, as of a camera's frames.
        mode: one of `MODES`.
        first: int, rounds that were done before.
        images: int, images of a round, for the speed; 0: no images.

    Attributes:
        note: str, shown beside the number of rounds.
    """

    def __init__(self, what, total, mode="plain", first=0, images=1):
        self.what, self.total, self.mode, self.images = what, total, mode, images
        self.note = ""
        self._done, self._width = first, 0
        self._start = self._shown = time.perf_counter()
        self._warm = None  # when the first round was done, and how many: it may take long for what is made once

    def __enter__(self):
        if self.mode == "bar":  # the first round may take long
            self._write(self._start)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._write(time.perf_counter(), last=True)
        elif self._width:
            print(flush=True)

    def update(self, done):
        """Tells that `done` rounds are done.

        Returns:
            Whether the line is due, which `show` writes; `note` can be brought up to date before. At the end it is not:
            leaving the context writes it.
        """
        now = time.perf_counter()
        self._done = done
        if self._warm is None:
            self._warm = now, done
        return done != self.total and now - self._shown >= SECONDS_BETWEEN[self.mode]

    def show(self):
        """Writes the line."""
        self._shown = time.perf_counter()
        self._write(self._shown)

    def count(self, done):
        """`update`, and `show` if it is due."""
        if self.update(done):
            self.show()

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
        line = f"{self.what}: {', '.join(parts)}"
        if self.mode == "bar":
            self._overwrite(line, last)
        else:
            print(line, flush=True)

    def _overwrite(self, line, last):
        columns = shutil.get_terminal_size().columns - 1  # a line that fills the terminal begins another
        width = min(BAR_WIDTH, columns - len(line) - 3)
        if self.total and not last and width >= 8:
            filled = round(width * self._done / self.total)
            line = f"[{'=' * filled}{'-' * (width - filled)}] {line}"
        line = line[:columns]
        print(f"\r{line:<{min(self._width, columns)}}", end="\n" if last else "", flush=True)
        self._width = 0 if last else len(line)

    def _rate(self, now):
        """Rounds per second since the first; None if that is too short a time."""
        if self._warm is None:
            return None
        start, done = self._warm
        # Where rounds come in batches the rest of the first one takes no time.
        if now - start < 0.1 * (now - self._start):
            return None
        return (self._done - done) / max(now - start, 1e-9)


def clock(seconds):
    """Seconds as minutes and seconds, `3:07`, or with hours, `2:03:07`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def duration(seconds):
    """Seconds as the original suite words them, such as `0 hours 3 minutes 7 seconds`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hours {minutes} minutes {seconds} seconds"
