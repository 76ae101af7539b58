"""Journal of a soak test: what a killed run had written is there again."""

from tools.soak.journal import Journal


def test_a_run_goes_on_where_the_last_one_ended(tmp_path):
    path = tmp_path / "kills_1.jsonl"
    journal = Journal(path, continues=True)
    journal.add(2, [{"name": "a"}], 3.0)
    journal.add(1, [{"name": "b"}, {"name": "c"}], 5.0)
    with path.open("a") as file:
        file.write('{"call": 3, "run"')  # killed in the middle of a line

    journal = Journal(path, continues=True)
    assert (journal.done, journal.seconds, journal.runs) == ({1, 2}, 5.0, 2)
    assert [result["name"] for result in journal.results] == ["a", "b", "c"]
    journal.add(3, [], 4.0)
    journal = Journal(path, continues=True)
    assert (journal.done, journal.seconds, journal.runs) == ({1, 2, 3}, 9.0, 3)
    assert Journal(path, continues=False).done == set() and path.read_text() == ""
