"""A page of results in one HTML file, and the measures that it shows."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "BorderScores": "borders",
        "Calibration": "calibration",
        "Collector": "collect",
        "ObjectSizes": "object_sizes",
        "command_line": "writing",
        "describe_test": "writing",
        "find_regions": "suspects",
        "network_name": "writing",
        "report_data": "page",
        "suspicion": "suspects",
        "write_page": "writing",
        "write_report": "page",
    },
)
