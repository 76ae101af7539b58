"""Evaluation of networks: scores, reports and plots."""

from utils.evaluation.evaluate import (
    evaluate,
    score,
)  # at once: otherwise the module would hide the function `evaluate`
from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "class_table": "reports",
        "headline": "reports",
        "plot_class_iou": "class_plots",
        "plot_confusion": "plots",
        "plot_log": "plots",
        "plot_samples": "samples",
    },
)
__all__ += ["evaluate", "score"]
