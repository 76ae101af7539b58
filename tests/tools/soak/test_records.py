"""Records of the soak test and their table."""

from tools.soak.records import add_record, read_records, soak_table


def summary(seed, failures=0):
    part = {"files": 10, "failure": failures, "by target": {"a": {"result": 10}}, "problems": ["a:1:2: KeyError"]}
    return {
        "command": f"python tools/soak.py --seed {seed}",
        "machine": "2 cores",
        "load": 0.5,
        "parts": {"fuzz": part},
    }


def test_a_command_has_one_record(tmp_path):
    path = tmp_path / "soak.json"
    assert read_records(path) == [] and soak_table(path) == "No run is recorded."
    for run in (summary(1, 3), summary(2), summary(1)):
        add_record(run, path)
    assert read_records(path) == [summary(2), summary(1)]


def test_the_table_has_a_row_for_each_part(tmp_path):
    add_record(summary(1), tmp_path / "soak.json")
    row, machine = soak_table(tmp_path / "soak.json").splitlines()[2::2]
    assert row == "| fuzz | `python tools/soak.py --seed 1` | files: 10; failure: 0; load of the machine before: 0.5 |"
    assert machine == "Measured on 2 cores."


def test_machines_are_numbered_if_there_are_several(tmp_path):
    for seed, machine in ((1, "2 cores"), (2, "4 cores"), (3, "2 cores")):
        add_record({**summary(seed), "machine": machine}, tmp_path / "soak.json")
    lines = soak_table(tmp_path / "soak.json").splitlines()
    assert [line.split("; ")[-1] for line in lines[2:5]] == ["machine: 1 |", "machine: 2 |", "machine: 1 |"]
    assert lines[6:] == ["Measured on", "", "1. 2 cores", "2. 4 cores"]
