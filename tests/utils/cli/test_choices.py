"""Every allowed value of an enumerated flag is implemented."""

from utils.cli import train_parser
from utils.cli.choices import EXPORT_FORMATS, EXPORT_OUTPUTS, OPTIMIZERS, PRECISIONS, RECIPES, SCHEDULES
from utils.cli.config import convert_value


def test_optimizers_and_schedules_are_built():
    from utils.training.optimizers import build_optimizer, build_schedule

    assert len({type(build_optimizer(name, 0.1)) for name in OPTIMIZERS}) == len(OPTIMIZERS)
    schedules = {type(build_schedule(name, 0.1, 10, 10)) for name in SCHEDULES}
    assert len(schedules) == len(SCHEDULES)


def test_export_formats_are_implemented():
    from utils.export.formats import FORMATS

    assert set(EXPORT_FORMATS) == set(FORMATS) and len(set(EXPORT_OUTPUTS)) == 3


def test_precisions_are_policies_of_keras():
    import keras

    for name in PRECISIONS:
        policy = keras.DTypePolicy(name if name == "float32" else f"mixed_{name}")
        assert (policy.compute_dtype, policy.variable_dtype) == (name, "float32")


def test_presets_hold_valid_values():
    parser = train_parser()
    flags = parser.flags()
    for name, preset in RECIPES.items():
        for flag, value in preset.items():
            assert convert_value(parser, flags[flag], value) == value, (name, flag)
