"""Settings as text."""

from utils.cli import predict_parser
from utils.cli.tables import run_block, settings_block


def settings(*words):
    return vars(predict_parser().parse_args(["--image", "a.jpg", *words]))


def test_what_is_not_the_default_has_a_star():
    text = settings_block(predict_parser(), settings("--overlay", "--alpha", "0.7"))
    assert "*overlay True" in text and "*alpha 0.7" in text and "| overlap 128" in text
    assert max(map(len, text.splitlines())) <= 118


def test_long_lists_are_cut():
    images = [f"image{number}.jpg" for number in range(1000)]
    text = settings_block(predict_parser(), settings() | {"image": images})
    assert "image5.jpg and 994 more" in text and "image6.jpg" not in text


def test_versions_come_last():
    text = run_block(predict_parser(), settings(), {"python": "3.12", "keras": "3"})
    assert text.splitlines()[-1] == "Versions: python 3.12, keras 3"
