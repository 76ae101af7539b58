"""Data loaders of the comparison: this suite, the original suite, and PyTorch with albumentations."""

import os
import random

from tools.original_suite import loops

WORKERS, BATCH_SIZE = 2, 4
H_FLIP, BRIGHTNESS, ROTATION = True, 0.1, 10.0  # relative change; degrees
SUITE_IMAGES = 8  # loaded by the original suite's loop in a round


def dataset_loader(pairs, class_dict, crop_height, crop_width, cache=False):
    """Candidate that reads an epoch of batches from `SegmentationDataset`, with prefetching threads as in training."""
    from utils.data import Augmentation, SegmentationDataset

    augmentation = Augmentation(crop_height, crop_width, H_FLIP, brightness=BRIGHTNESS, rotation=ROTATION)
    data = SegmentationDataset(pairs, class_dict, augmentation, BATCH_SIZE, cache=cache, workers=WORKERS)
    return lambda: sum(len(images) for images, _ in data.batches())


def suite_loader(pairs, class_dict, crop_height, crop_width):
    """Candidate that reads random images with the loop of the original suite."""
    rng, number = random.Random(0), min(SUITE_IMAGES, len(pairs))

    def work():
        for pair in rng.sample(pairs, number):
            loops.load_and_augment(
                str(pair.image),
                str(pair.label),
                class_dict.label_values,
                crop_height,
                crop_width,
                rng,
                H_FLIP,
                brightness=BRIGHTNESS,
                rotation=ROTATION,
            )
        return number

    return work


def torch_loader(pairs, class_dict, crop_height, crop_width):
    """Candidate that reads an epoch of batches from PyTorch's `DataLoader`, with persistent worker processes."""
    from torch.utils.data import DataLoader

    data = TorchPairs(pairs, class_dict, crop_height, crop_width)
    loader = DataLoader(data, BATCH_SIZE, num_workers=WORKERS, persistent_workers=True, multiprocessing_context="spawn")
    return lambda: sum(len(images) for images, _ in loader)


class TorchPairs:
    """Dataset for PyTorch: the same files, read by the same functions, augmented by albumentations.

    Args:
        pairs: list of `Pair`.
        class_dict: `ClassDict`.
        crop_height, crop_width: int, pixels.
    """

    def __init__(self, pairs, class_dict, crop_height, crop_width):
        os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # no query for the latest version
        import albumentations

        self.pairs, self.class_dict = pairs, class_dict
        self.augment = albumentations.Compose([
            albumentations.RandomCrop(crop_height, crop_width),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.RandomBrightnessContrast(BRIGHTNESS, 0, p=1),
            albumentations.Rotate(ROTATION, p=1),
        ])  # fmt: skip

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        from utils.data import read_pair

        image, label = read_pair(self.pairs[index].image, self.pairs[index].label, self.class_dict)
        augmented = self.augment(image=image, mask=label)
        return augmented["image"], augmented["mask"]
