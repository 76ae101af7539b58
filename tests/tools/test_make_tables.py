"""Tables in pages: markers, replacement, the check."""

import pytest

from tools import make_tables


@pytest.fixture
def page(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- models begin -->\nold\n<!-- models end -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(make_tables, "ROOT", tmp_path)
    monkeypatch.setattr(make_tables, "TABLES", {"models": lambda: "new"})
    monkeypatch.setattr(make_tables, "update_counts", lambda recount=False: None)
    return page


def test_writes_the_tables(page, capsys):
    assert make_tables.main([]) == 0
    assert page.read_text(encoding="utf-8").splitlines()[1:4] == [
        "<!-- models begin -->",
        "new",
        "<!-- models end -->",
    ]
    assert make_tables.main(["--check"]) == 0
    assert capsys.readouterr().out == "README.md\nAll pages are current\n"


def test_check_writes_nothing(page, capsys):
    before = page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        make_tables.main(["--check"])
    assert end.value.code == 1 and "README.md" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("text", ["<!-- models begin -->", "<!-- nothing begin -->\n<!-- nothing end -->"])
def test_wrong_markers_are_errors(text):
    with pytest.raises(ValueError):
        make_tables.table_names(text)


def test_only_new_networks_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(make_tables, "COUNTS", tmp_path / "models.json")
    monkeypatch.setattr(make_tables, "MODELS", dict.fromkeys(["a", "b"]))
    monkeypatch.setattr(make_tables, "read_counts", lambda: {"b": {"parameters": 1}})
    monkeypatch.setattr(make_tables, "count_model", lambda name: {"parameters": 2})
    (tmp_path / "models.json").write_text("")
    make_tables.update_counts()
    assert '"a": {\n    "parameters": 2' in (tmp_path / "models.json").read_text()
    assert '"b": {\n    "parameters": 1' in (tmp_path / "models.json").read_text()
