"""The command check_inputs.py: generated label files, their truth, and how they are read."""

import json

import numpy as np
import pytest

from tools import check_inputs
from tools.inputs import judge as judge_module
from tools.inputs.datasets import write_dataset
from tools.inputs.judge import REFUSED, RIGHT, TWO_WAYS, UNKNOWN_VALUES, WRONG, judge
from tools.inputs.storage import STORAGES
from tools.inputs.variants import CONTENTS, DICTIONARIES, MEANINGS, Part, Variant, draw_variant
from utils.data.folder import list_pairs
from utils.data.labels import read_label


def test_no_dataset_is_read_wrongly(tmp_path, capsys):
    assert check_inputs.main(["--count", str(len(STORAGES) + 22), "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    *kinds, total = result["outcomes"]
    assert total["right"] > total[f"refused, {TWO_WAYS}"] > 0 and not total["WRONG"] and not result["wrong"]
    assert {row["files"].split()[0] for row in kinds} == {name.split()[0] for name in STORAGES} | {"mixed"}
    assert f"{result['combinations']} different combinations" in capsys.readouterr().out


@pytest.mark.parametrize(
    "variant, outcome",
    [
        (Variant("12 classes, 1 ignored", "all", (Part("png rgb", "colors"),)), (RIGHT, "")),
        (Variant("black red", "some empty", (Part("png gray", "masks", value=255),)), (REFUSED, TWO_WAYS)),
        (Variant("4 colors", "all", (Part("png gray", "indices from 1"),)), (REFUSED, UNKNOWN_VALUES)),
        (Variant("red black", "val empty", (Part("gif palette", "colors", "shuffled"),)), (RIGHT, "")),
        (Variant("red black", "val empty", (Part("png gray", "masks", value=100),)), (REFUSED, UNKNOWN_VALUES)),
    ],
)
def test_outcomes_of_single_datasets(tmp_path, variant, outcome):
    assert judge(tmp_path / "data", variant)[:2] == outcome


def test_a_wrong_reading_is_found_and_its_dataset_kept(tmp_path, monkeypatch, capsys):
    def inverted(path, classes):
        label = read_label(path, classes)
        return np.where(label < 2, 1 - label, label).astype(np.uint8)

    monkeypatch.setattr(judge_module, "read_label", inverted)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(SystemExit) as end:
        check_inputs.main(["--count", "6", "--seed", "1"])
    assert end.value.code == 1
    captured = capsys.readouterr()
    (kept,) = tmp_path.glob("check_inputs_*")
    assert f"read wrongly; they are kept in {kept}" in captured.err and "(meant, read)" in captured.out
    assert list_pairs(next(kept.iterdir()), "train")


def test_a_report_of_wrong_shares_is_found(tmp_path, monkeypatch):
    correct = judge_module.check_pairs
    monkeypatch.setattr(
        judge_module, "check_pairs", lambda *words: [one._replace(ignored=one.ignored + 1) for one in correct(*words)]
    )
    verdict = judge(tmp_path / "data", Variant("black white", "all", (Part("png rgb", "colors"),)))
    assert verdict.outcome == WRONG and "the report counts" in verdict.reason


def test_drawn_variants_cover_everything(tmp_path):
    rng = np.random.default_rng(0)
    variants = [draw_variant(rng, storage) for storage in STORAGES for _ in range(8)]
    parts = [part for variant in variants for part in variant.parts]
    assert {variant.classes for variant in variants} == set(DICTIONARIES)
    assert {variant.content for variant in variants} == set(CONTENTS)
    assert {part.meaning for part in parts} == set(MEANINGS) and {part.storage for part in parts} == set(STORAGES)
    first, second = (write_dataset(tmp_path / name, variants[5]) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_minutes_end_the_check(capsys):
    assert check_inputs.main(["--count", "1000000", "--minutes", "0.002"]) == 0
    assert "different combinations" in capsys.readouterr().out
