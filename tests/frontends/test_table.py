"""The table of frontends: completeness, names, import without Keras."""

import subprocess
import sys

import pytest

from frontends import FRONTENDS, UnknownFrontendError, build_frontend
from frontends.table import Frontend

ORIGINAL_SUITE = ("ResNet50", "ResNet101", "ResNet152", "MobileNetV2", "InceptionV4")


def test_importing_frontends_imports_neither_keras_nor_numpy():
    code = (
        "import sys, frontends; frontends.check_output_stride('ResNet50', 16);"
        " print([m for m in ('keras', 'numpy', 'tensorflow', 'h5py') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_all_networks_of_keras_and_ours_are_there():
    import keras

    from frontends.build import OWN_NETWORKS

    # Functions only: `keras.applications` also holds the modules, whose names are lower case.
    in_keras = {name for name in dir(keras.applications) if name[0].isupper()}
    assert {row.network for row in FRONTENDS.values()} == in_keras | set(OWN_NETWORKS)
    assert tuple(FRONTENDS)[:5] == ORIGINAL_SUITE


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_resnet_without_version_is_the_preactivation_one(depth):
    assert FRONTENDS[f"ResNet{depth}"] is FRONTENDS[f"ResNet{depth}V2"]
    assert FRONTENDS[f"ResNet{depth}"].network == f"ResNet{depth}V2"
    assert FRONTENDS[f"ResNet{depth}V1"].network == f"ResNet{depth}"


@pytest.mark.parametrize("name", FRONTENDS)
def test_rows_are_complete(name):
    row = FRONTENDS[name]
    assert isinstance(row, Frontend)
    assert len(row.taps) == len(row.channels) == 5
    assert [tap is None for tap in row.taps] == [channels is None for channels in row.channels]
    assert [level for level, tap in enumerate(row.taps, start=1) if tap is None] in ([], [1])
    assert row.preprocessing in ("caffe", "tf", "tf127", "torch", "unit", "none")
    assert row.parameters > 900_000
    assert row.paper.split(", ")[1].replace(".", "").isdigit()


def test_unknown_name_lists_the_choices():
    with pytest.raises(UnknownFrontendError) as error:
        build_frontend(None, "ResNet51")
    assert error.value.exit_code == 2
    assert isinstance(error.value, ValueError)
    assert "'ResNet51'" in str(error.value) and all(name in str(error.value) for name in FRONTENDS)
