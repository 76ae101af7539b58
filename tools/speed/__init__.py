"""Speed comparison with the original suite and other packages; run by tools/compare_speed.py."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Row": "timing",
        "markdown_table": "report",
        "describe_machine": "report",
        "interleaved_medians": "timing",
    },
)
