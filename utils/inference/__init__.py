"""Prediction with Keras models and exported files."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "load": "network",
        "Network": "network",
        "Prediction": "prediction",
        "Predictor": "predictor",
        "load_trained": "loading",
        "load_exported": "exported_backend",
        "KerasBackend": "keras_backend",
        "Painter": "drawing",
        "Results": "results",
        "predict_images": "loops",
        "predict_video": "loops",
    },
)
