"""Command line: flags, presets, settings files and checks of flag combinations. Importing it imports no Keras."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "parse": "config",
        "train_parser": "arguments",
        "test_parser": "arguments",
        "predict_parser": "arguments",
        "export_parser": "arguments",
        "benchmark_parser": "arguments",
        "Parser": "parser",
        "run_block": "tables",
    },
)
