"""Dataset folders: built-in datasets, creation, downloads, and assignment of images to splits."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "assign_splits": "splits",
        "find_or_make_dataset": "builtin",
        "make_split_folders": "folders",
        "new_dataset": "folders",
        "write_datasets": "folders",
    },
)
