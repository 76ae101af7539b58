"""Rules of the self-configured training, on generated fingerprints and on those whose best network is known."""

import dataclasses
import random

import pytest
from tiny_fingerprints import CAMVID, CELLS, GIB, LAPTOP, OFFLINE, SERVER, STREETS

from frontends import FRONTENDS
from models import MODELS
from utils.auto.costs import COSTS, USABLE, training_memory, validation_memory
from utils.auto.fingerprints import DatasetFingerprint, MachineFingerprint
from utils.auto.plan import DEFAULT_MINUTES, plan_training
from utils.cli.arguments import train_parser
from utils.cli.checks import check_fine_tuning, check_label_smoothing, check_network, check_scale_range
from utils.cli.config import convert_value


def generated(seed):
    """A dataset, a machine, minutes and given flags, drawn at random."""
    rng = random.Random(seed)
    classes, height = rng.choice([2, 3, 12, 19, 41, 150]), int(64 * 125 ** rng.random())
    width = min(8000, max(64, int(height * rng.choice([0.5, 0.75, 1, 4 / 3, 2, 3]))))
    dataset = DatasetFingerprint(
        images=int(20 * 1000 ** rng.random()),
        validation_images=rng.choice([0, 1, 20, 500]),
        height=height,
        width=width,
        smallest_height=max(64, int(height * rng.choice([0.5, 1]))),
        smallest_width=max(64, int(width * rng.choice([0.5, 1]))),
        class_shares=(1 / classes,) * classes,
        channels=rng.choice([3, 3, 1, 8]),
        is_rgb=rng.random() < 0.7,
        vertical_difference=rng.random() ** 2,
        horizontal_difference=rng.random() ** 2,
    )
    machine = MachineFingerprint(
        cores=rng.choice([1, 2, 8, 64]),
        memory=int(2 * GIB * 128 ** rng.random()),
        gpu_memory=rng.choice([None, None, 2 * GIB, 6 * GIB, 24 * GIB, 78 * GIB]),
        precision=rng.choice(["float32", "bfloat16", "float16"]),
        speed=0.3 * 1000 ** rng.random(),
        pretrained=rng.choice([(), ("MobileNet", "MobileNetV3Small", "ResNet50"), ("MobileNetV3Small",)]),
    )
    given = rng.choice([{}, {}, {"num_epochs": 5}, {"batch_size": 2}, {"model": "ExFuse"}, {"optimizer": "sgd"}])
    return dataset, machine, given, rng.choice([None, 1, 3, 30, 600])


def check_flags(flags):
    """Raises for a value that train.py would refuse, alone or beside the others."""
    parser = train_parser()
    known = parser.flags()
    for name, value in flags.items():
        if name != "minutes" and value is not None:  # "minutes" is checked by the command's tests
            assert convert_value(parser, known[name], value) == value, name
    values = {**vars(parser.parse_args([])), **flags}
    check_scale_range(values["scale_range"])
    check_network(*(values[name] for name in ("model", "frontend", "output_stride", "crop_height", "crop_width")))
    check_fine_tuning(values)
    check_label_smoothing(values["label_smoothing"], values["loss"])


@pytest.mark.parametrize("seed", range(60))
def test_generated_plans_are_valid_and_fit_into_memory(seed):
    dataset, machine, given, minutes = generated(seed)
    plan = plan_training(dataset, machine, given, minutes)
    flags = plan.flags
    check_flags(flags)
    assert {name: flags[name] for name in given} == given
    assert 6 <= len(plan.reasons) <= 10 and all("\n" not in reason for reason in plan.reasons)
    pixels = flags["batch_size"] * flags["crop_height"] * flags["crop_width"]
    costs = COSTS[flags["model"], flags["frontend"]]
    needed = training_memory(
        costs, pixels, dataset.num_classes, flags["mixed_precision"], machine.gpu_memory is not None
    )
    assert plan.fits and needed == plan.memory <= USABLE * machine.training_memory
    assert flags["batch_size"] <= max(2, dataset.images)
    assert flags["crop_height"] % 32 == flags["crop_width"] % 32 == 0
    assert flags["crop_height"] <= dataset.height and flags["crop_width"] <= dataset.width
    is_told = any("cut them into parts" in reason for reason in plan.reasons)
    whole = flags["batch_size"] * dataset.height * dataset.width
    in_validation = validation_memory(costs, whole, dataset.num_classes, machine.gpu_memory is not None)
    assert is_told == (in_validation > USABLE * machine.training_memory)
    if is_told:
        assert flags["batch_size"] == 1 or "batch_size" in given
    if flags["cache"]:
        assert dataset.images * dataset.height * dataset.width * (dataset.channels + 1) < machine.memory / 2


def test_fingerprints_of_the_recorded_experiments_choose_their_winners():
    """custom below 15 minutes, ExFuse above, MobileNetV3Small without pretrained weights: docs/results.md."""
    short, long = plan_training(CAMVID, LAPTOP, {}, 10).flags, plan_training(CAMVID, LAPTOP, {}, 36).flags
    assert (short["model"], short["frontend"], short["frontend_weights"]) == ("custom", "MobileNet", "imagenet")
    assert (short["crop_height"], short["crop_width"], short["batch_size"]) == (224, 320, 4)
    assert (long["model"], long["frontend"]) == ("ExFuse", "MobileNet")
    assert long["crop_height"] * long["crop_width"] > 1.5 * 224 * 320
    scratch = plan_training(STREETS, OFFLINE, {}, 2).flags
    assert (scratch["model"], scratch["frontend"], scratch["frontend_weights"]) == (
        "custom",
        "MobileNetV3Small",
        "none",
    )
    assert (scratch["crop_height"], scratch["crop_width"], scratch["batch_size"]) == (160, 224, 8)
    assert (scratch["optimizer"], scratch["learning_rate"], scratch["schedule"]) == ("adamw", 3e-3, "poly")


def test_a_large_machine_gets_larger_crops_and_networks():
    large = dataclasses.replace(CAMVID, height=1024, width=2048, smallest_height=1024, smallest_width=2048)
    flags = plan_training(large, SERVER, {}, 60).flags
    assert (flags["model"], flags["frontend"]) == ("DeepLabV3_plus", "ResNet50")
    assert flags["crop_height"] * flags["crop_width"] >= 0.8 * 512 * 512


def test_images_without_an_up_are_flipped_both_ways():
    cells = plan_training(CELLS, LAPTOP, {}, 5).flags
    assert cells["h_flip"] and cells["v_flip"] and "color_jitter" not in cells and cells["val_fraction"] == 0.1
    street = plan_training(CAMVID, LAPTOP, {}, 5).flags
    assert street["h_flip"] and not street["v_flip"] and "val_fraction" not in street
    chart = plan_training(dataclasses.replace(CAMVID, horizontal_difference=0.8), LAPTOP, {}, 5).flags
    assert not chart["h_flip"]


def test_given_flags_stay():
    given = {"model": "UNet", "crop_height": 96, "batch_size": 3, "loss": "dice", "learning_rate": 0.5, "h_flip": False,
             "num_epochs": 7, "cache": False, "mixed_precision": "float32"}  # fmt: skip
    plan = plan_training(CAMVID, LAPTOP, given, costs={("UNet", "ResNet101"): COSTS["ExFuse", "MobileNet"]})
    assert {name: plan.flags[name] for name in given} == given and "minutes" not in plan.flags
    assert not MODELS["UNet"].frontend and plan.flags["frontend_weights"] == "none"
    assert plan.flags["frontend_learning_rate"] == 1.0


def test_weights_by_path_choose_their_frontend():
    given = {"frontend_weights": "some/mobilenet.weights.h5", "frontend": "MobileNet"}
    plan = plan_training(CAMVID, OFFLINE, given, 3)
    assert plan.flags["model"] == "custom" and plan.flags["frontend"] == "MobileNet"
    assert plan.flags["frontend_learning_rate"] < 1 and plan.flags["schedule"] == "cosine"


def test_the_length_is_given_or_told():
    assert plan_training(CAMVID, LAPTOP, {}).flags["minutes"] == DEFAULT_MINUTES
    assert any(f"{DEFAULT_MINUTES:g}" in reason for reason in plan_training(CAMVID, LAPTOP, {}).reasons)
    assert "minutes" not in plan_training(CAMVID, LAPTOP, {"num_epochs": 4}).flags


def test_what_cannot_fit_is_told():
    tiny = dataclasses.replace(LAPTOP, memory=GIB // 2)
    plan = plan_training(CAMVID, tiny, {"batch_size": 8, "crop_height": 512, "crop_width": 512}, 3)
    assert not plan.fits and any("may fail" in reason for reason in plan.reasons) and plan.flags["remat"]
    given = {"batch_size": 64}
    plan = plan_training(CAMVID, dataclasses.replace(LAPTOP, memory=3 * GIB), given, 3)
    assert plan.fits and plan.flags["batch_size"] == 64
    assert plan.flags["crop_height"] * plan.flags["crop_width"] < 224 * 320


def test_every_frontend_of_the_table_has_a_crop_that_it_takes():
    small = dataclasses.replace(CAMVID, height=64, width=64, smallest_height=64, smallest_width=64)
    for frontend in FRONTENDS:
        costs = {("custom", frontend): COSTS["custom", "MobileNet"]}
        check_flags(plan_training(small, LAPTOP, {"frontend": frontend}, 3, costs).flags)
