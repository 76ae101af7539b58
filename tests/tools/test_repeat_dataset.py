import pytest

from tools.repeat_dataset import main
from utils.data.folder import list_pairs, read_classes


@pytest.mark.parametrize("link", [False, True])
def test_pairs_are_repeated(streets, tmp_path, link):
    target = tmp_path / "many"
    words = ["--dataset", str(streets), "--train", "25", "--val", "2", "--target", str(target)]
    assert main([*words, *["--link"] * link]) == 0
    source, pairs = list_pairs(streets, "train"), list_pairs(target, "train")
    assert len(source) == 10 and len(pairs) == 25 and len(list_pairs(target, "val")) == 2
    for number, pair in enumerate(pairs):
        for name in ("image", "label"):
            old, new = getattr(source[number % 10], name), getattr(pair, name)
            assert new.read_bytes() == old.read_bytes() and new.samefile(old) == link
    assert not (target / "test").exists() and read_classes(target).class_names == read_classes(streets).class_names


def test_nothing_is_refused(streets, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--dataset", str(streets), "--target", str(tmp_path / "many")])
    assert "--train 100000" in capsys.readouterr().err
