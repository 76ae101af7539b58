"""Training runs on disk: their records, scores and groups, read without Keras."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Run": "reading",
        "find_runs": "reading",
        "group_runs": "groups",
        "read_run": "reading",
        "read_runs": "reading",
        "run_names": "groups",
    },
)
