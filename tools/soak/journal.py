"""Journal of a soak test: the results of each call, kept as JSON lines, so that a run is continued where it ended."""

import json
import pathlib


class Journal:
    """Results of the calls of a part.

    Args:
        path: file of JSON lines.
        continues: whether to keep what an earlier run wrote, which had the same parts and seed.

    Attributes:
        done: set of the numbers of the calls whose results are known.
        results: list of dicts, of all these calls.
        seconds: float, that the earlier runs took.
        runs: number of runs, this one included.
    """

    def __init__(self, path: pathlib.Path, continues: bool):
        self.path, self.done, self.results, self.seconds, self.runs = path, set(), [], 0.0, 1
        text = path.read_text(encoding="utf-8") if continues and path.exists() else ""
        text = text[: text.rfind("\n") + 1]  # a line that a killed run began is left out
        path.write_text(text, encoding="utf-8")
        for entry in map(json.loads, text.splitlines()):
            self.done.add(entry["call"])
            self.results += entry["results"]
            self.seconds = max(self.seconds, entry["seconds"])
            self.runs = max(self.runs, entry["run"] + 1)
        self.before = self.seconds

    def add(self, call: int, results: list[dict], seconds: float) -> None:
        """Adds the results of a call.

        Args:
            call: its number.
            results: of the call.
            seconds: since the start of this run.
        """
        self.done.add(call)
        self.results += results
        self.seconds = self.before + seconds
        entry = {"call": call, "run": self.runs, "seconds": round(self.seconds, 1), "results": results}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
