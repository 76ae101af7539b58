"""Atomic creation of dataset folders."""

import pytest

from tools.datasets.folders import make_split_folders, new_dataset
from utils.errors import RunError


def test_a_dataset_appears_complete(tmp_path):
    with new_dataset(tmp_path / "a" / "Mine") as folder:
        make_split_folders(folder, ["train", "val"])
        assert not (tmp_path / "a" / "Mine").exists()
    names = sorted(path.name for path in (tmp_path / "a" / "Mine").iterdir())
    assert names == ["train", "train_labels", "val", "val_labels"] and len(list((tmp_path / "a").iterdir())) == 1


@pytest.mark.parametrize("error, raised", [(KeyboardInterrupt, KeyboardInterrupt), (OSError("full"), RunError)])
def test_an_error_leaves_nothing(tmp_path, error, raised):
    with pytest.raises(raised), new_dataset(tmp_path / "Mine") as folder:
        (folder / "file").write_text("text")
        raise error
    assert not list(tmp_path.iterdir())
