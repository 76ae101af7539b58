"""Recorded experiments, and the documentation tables made of them."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "experiment_names": "records",
        "read_experiment": "records",
        "recorded": "records",
        "title": "records",
        "training_flags": "records",
        "write_experiment": "records",
    },
)
