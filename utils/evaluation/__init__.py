"""Evaluation of networks: scores, reports and plots."""

# At once, not lazily: otherwise the module `evaluate` would hide its function.
from utils.evaluation.evaluate import evaluate, score
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
