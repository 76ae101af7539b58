"""Recorded experiments."""

from tools.results.records import experiment_names, title, training_flags
from utils.cli.choices import PRECISIONS


def test_title_shows_views_and_deviations():
    experiment = {"train": {"model": "custom"}, "test": {"scales": "1,2,1.5", "flip": True}}
    assert title(experiment) == "custom, 6 views at 1-2"
    assert title({**experiment, "test": {}}) == "custom"
    assert title({**experiment, "test": {"flip": True}}) == "custom, 2 views"
    experiment["train"]["mixed_precision"] = "bfloat16"
    assert title(experiment) == "custom, bfloat16, 6 views at 1-2"
    experiment["train"]["output_stride"] = 16
    assert title({**experiment, "test": {"scales": "1.5"}}) == "custom, stride 16, bfloat16, scale 1.5"
    lite = {"model": "custom", "frontend": "EfficientNetLite1"}
    assert title({"train": lite, "test": {}}) == "custom, EfficientNetLite1"
    assert title({"train": {"model": "UNet"}, "test": {}}) == "UNet, from scratch"
    experiment = {"train": {"model": "UNet"}, "test": {"batch_statistics": True}}
    assert title(experiment) == "UNet, from scratch, batch statistics"


def test_experiments_name_what_the_preset_would_choose_by_machine():
    """Otherwise a repetition elsewhere would train in another precision, or with another rate of the frontend."""
    for name in experiment_names():
        flags = training_flags(name)
        if flags.get("recipe") == "strong":
            assert flags.get("mixed_precision") in PRECISIONS, name
            assert flags.get("frontend_weights") != "none" or "frontend_learning_rate" in flags, name
