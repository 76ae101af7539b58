"""Built-in datasets: drawing Streets, asking before CamVid is downloaded."""

import pathlib
import sys

import pytest

from tools.datasets.builtin import find_or_make_dataset
from utils.errors import UsageError


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class _Input:
    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize("stdin", [_Input(False), None])
def test_missing_camvid_names_the_downloader(nowhere, monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("asked without a terminal"))
    with pytest.raises(UsageError, match="python tools/get_camvid.py"):
        find_or_make_dataset("CamVid")


@pytest.mark.parametrize("answer, fetched", [("y", True), ("YES", True), ("", False), ("n", False)])
def test_camvid_is_downloaded_only_after_a_yes(nowhere, monkeypatch, answer, fetched):
    from tools import get_camvid

    monkeypatch.setattr(sys, "stdin", _Input(True))
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    monkeypatch.setattr(get_camvid, "get_camvid", lambda root: root)
    if fetched:
        assert find_or_make_dataset("CamVid") == pathlib.Path("datasets") / "CamVid"
    else:
        with pytest.raises(UsageError, match="get_camvid.py"):
            find_or_make_dataset("CamVid")


def test_streets_are_made_on_first_use(nowhere, monkeypatch, capsys):
    from tools import make_streets

    calls = []

    def fake(root, **options):
        calls.append(root)
        root.mkdir(parents=True)
        return root

    monkeypatch.setattr(make_streets, "make_streets", fake)
    folders = [find_or_make_dataset("Streets") for _ in range(2)]
    assert folders == [pathlib.Path("datasets") / "Streets"] * 2 and calls == folders[:1]
    assert "Streets" in capsys.readouterr().out
