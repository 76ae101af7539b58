"""Recorded experiments."""

from tools.results.records import title


def test_title_shows_views_and_deviations():
    experiment = {"train": {"model": "custom"}, "test": {"scales": "1,2,1.5", "flip": True}}
    assert title(experiment) == "custom, 6 views at 1-2"
    assert title({**experiment, "test": {}}) == "custom"
    assert title({**experiment, "test": {"flip": True}}) == "custom, 2 views"
    experiment["train"]["mixed_precision"] = "bfloat16"
    assert title(experiment) == "custom, bfloat16, 6 views at 1-2"
    experiment["train"]["output_stride"] = 16
    assert title({**experiment, "test": {"scales": "1.5"}}) == "custom, stride 16, bfloat16, scale 1.5"
    assert title({"train": {"model": "UNet"}, "test": {}}) == "UNet, from scratch"
    experiment = {"train": {"model": "UNet"}, "test": {"batch_statistics": True}}
    assert title(experiment) == "UNet, from scratch, batch statistics"
