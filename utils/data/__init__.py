"""Datasets on disk, label decoding, augmentation and training batches."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Augmentation": "augmentation",
        "SegmentationDataset": "dataset",
        "check_pairs": "checks",
        "find_dataset": "folder",
        "list_pairs": "folder",
        "read_classes": "folder",
        "read_image": "images",
        "read_pair": "labels",
    },
)
