"""The check of the learning rate range test, with a network that trains in a second."""

import json

from tools import check_learning_rate


def test_networks_are_measured_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check_learning_rate, "NETWORKS", {"tiny": "MobileNet"})
    monkeypatch.setattr(check_learning_rate, "GRID", (1e-4, 1e-2))
    small = {"train": 8, "val": 2, "test": 1, "height": 64, "width": 64}
    monkeypatch.setattr(check_learning_rate, "STREETS", small)
    monkeypatch.setattr(check_learning_rate, "FLAGS", {**check_learning_rate.FLAGS, "crop_height": 64})
    flags = ["--models", "tiny", "--updates", "12", "--output_dir", str(tmp_path)]
    assert check_learning_rate.main(flags) == 0
    written = (tmp_path / "results_adamw_poly.json").read_bytes()
    result = json.loads(written)["tiny"]
    assert result["mean_iou"].keys() == {"0.0001", "0.01"} and result["best"] == 1e-2
    assert result["factor"] >= 1 and len(result["losses"]) > 20
    assert "within 3x" in capsys.readouterr().out
    assert check_learning_rate.main(flags) == 0
    assert (tmp_path / "results_adamw_poly.json").read_bytes() == written
