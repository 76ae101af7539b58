"""Data loaders of the speed comparison."""

from tools.speed import loaders


def test_both_loaders_give_every_image_once(streets):
    from utils.data.folder import list_pairs, read_classes

    pairs = list_pairs(streets, "train")
    arguments = pairs, read_classes(streets), 48, 64
    assert loaders.dataset_loader(*arguments)() == 12  # ten, and the last batch filled up
    assert loaders.suite_loader(*arguments)() == loaders.SUITE_IMAGES
    assert loaders.suite_loader(pairs[:2], *arguments[1:])() == 2
