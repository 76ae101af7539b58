"""Allowed values of enumerated flags, and presets of train.py's flags (`--recipe`). Imports no Keras."""

OPTIMIZERS = ("rmsprop", "adam", "adamw", "sgd")
SCHEDULES = ("constant", "exponential", "poly", "cosine")
LABEL_FORMATS = ("auto", "colors", "indices", "binary")
ORIENTATIONS = ("auto", "stored", "upright")
ON_BAD_SAMPLE = ("stop", "skip")
VERIFY = ("sample", "full")
UNKNOWN_COLORS = ("error", "ignore", "nearest")
PRECISIONS = ("float32", "float16", "bfloat16")
EXPORT_FORMATS = ("savedmodel", "onnx", "litert", "openvino", "keras", "web", "serving", "hub")
FLOAT16_FORMATS = ("onnx", "litert", "web")  # whose weights `--float16` stores in 16 bits
CALIBRATED_FORMATS = ("onnx", "litert", "openvino")  # that compute in 8 bits with `--int8`
COMPACT_FORMATS = ("keras", "hub")  # whose weights `--int8` stores in 8 bits
EXPORT_OUTPUTS = ("logits", "classes", "colours")
RECIPES = {  # values in place of the defaults
    "suite": {},
    "auto": {},  # chosen by utils.auto from the data and the machine
    "strong": {
        "batch_size": 4,
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "schedule": "cosine",
        "warm_up": 1.0,
        "frontend_learning_rate": 0.25,
        "h_flip": True,
        "scale_range": [0.5, 2.0],
        "color_jitter": 0.4,
        "brightness": 0.3,
        "loss": "cross_entropy_lovasz",
        "mixed_precision": "auto",
    },
}
