"""Value types of flags."""

import argparse

import pytest

from utils.cli.types import (
    band_list,
    boolean,
    degrees,
    fraction,
    name_list,
    nonnegative_float,
    nonnegative_int,
    positive_float,
    positive_int,
    run_name,
    scale_list,
    share,
    value_range,
)


@pytest.mark.parametrize(
    "convert, text, value",
    [
        (boolean, "Yes", True),
        (boolean, "0", False),
        (positive_int, "1", 1),
        (nonnegative_int, "0", 0),
        (positive_float, "1e-3", 1e-3),
        (nonnegative_float, "0", 0.0),
        (fraction, "0", 0.0),
        (share, "0", 0.0),
        (share, "1", 1.0),
        (degrees, "180", 180.0),
        (name_list, " Car, Road Marking,", ["Car", "Road Marking"]),
        (scale_list, "0.5,1,2", (0.5, 1.0, 2.0)),
        (run_name, "lr-1e-3_b.2", "lr-1e-3_b.2"),
        (run_name, "größer", "größer"),
        (band_list, "4, 1,2", "4,1,2"),
        (value_range, "auto", "auto"),
        (value_range, "-0.5, 4095", "-0.5,4095"),
    ],
)
def test_values(convert, text, value):
    result = convert(text)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    "convert, text, message",
    [
        (boolean, "perhaps", "'perhaps' is not True or False"),
        (positive_int, "0", "'0' is not a whole number of at least 1"),
        (positive_int, "2.0", "'2.0' is not a whole number"),
        (nonnegative_int, "-1", "of at least 0"),
        (positive_float, "nan", "above 0"),
        (positive_float, "inf", "above 0"),
        (nonnegative_float, "inf", "of at least 0"),
        (fraction, "1", "below 1"),
        (share, "1.01", "from 0 to 1"),
        (degrees, "181", "0 to 180 degrees"),
        (name_list, ", ", "has no name"),
        (scale_list, "1,9", "'9' is not a scale from 0.05 to 8"),
        *((run_name, text, "is no name of a run") for text in ("", "a/b", "..", "a b", "-a", "a.", "x" * 65)),
        *((run_name, text, "until_") for text in ("until_x", "a_until_b")),
        (band_list, "0,1", "'0' is not a band number; the first is 1"),
        (value_range, "0", "not auto or LOW,HIGH"),
        (value_range, "5,5", "with LOW below HIGH"),
        (value_range, "0,inf", "'inf' is not auto or two numbers"),
    ],
)
def test_rejected_values(convert, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        convert(text)
