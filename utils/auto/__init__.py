"""Self-configuration of a training (`--recipe auto`): from fingerprints of dataset and machine to flags of train.py."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "DatasetFingerprint": "fingerprints",
        "MachineFingerprint": "fingerprints",
        "Plan": "plan",
        "configure": "configure",
        "plan_training": "plan",
        "training_memory": "costs",
    },
)
