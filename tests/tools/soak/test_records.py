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
