"""Random settings: all are accepted, and over many draws every choice is made."""

import pathlib
import random

from tools.soak.settings import draw_settings, simple_settings, words
from utils.cli.arguments import train_parser
from utils.cli.checks import check_fine_tuning, check_label_smoothing, check_network, check_scale_range
from utils.cli.choices import OPTIMIZERS, PRECISIONS, SCHEDULES


def test_every_draw_is_a_valid_command_line():
    drawn = [draw_settings(random.Random(f"0-{number}")) for number in range(60)]
    for settings in (*drawn, simple_settings()):
        args = vars(train_parser().parse_args(words(settings, pathlib.Path("Streets"))))
        assert {name: args[name] for name in settings} == settings
        check_network(*(args[name] for name in ("model", "frontend", "output_stride", "crop_height", "crop_width")))
        check_fine_tuning({**args, "frontend_learning_rate": 1.0})
        check_label_smoothing(args["label_smoothing"], args["loss"])
        check_scale_range(args["scale_range"])
    for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("mixed_precision", PRECISIONS)):
        assert {settings[name] for settings in drawn} == set(choices)
    assert {settings.get("freeze_frontend") for settings in drawn} >= {None, 0, 1}
    assert draw_settings(random.Random("0-7")) == drawn[7]
