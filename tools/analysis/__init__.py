"""Dataset analysis: statistics, problems, duplicates, and an HTML report."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"Analysis": "collect", "analyse": "collect", "page": "report", "summary": "report", "values": "report"},
)
