"""Training of networks: from a run's settings, or with Keras's `fit` and the callbacks of train.py."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "PreciseBatchNorm": "precise_batch_norm",
        "RunRecord": "record",
        "Trainer": "loop",
        "TrainingOptions": "loop",
        "Validation": "callbacks",
        "build_optimizer": "optimizers",
        "build_training_model": "build",
    },
)
