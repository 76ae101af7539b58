"""Benchmark of networks: training and inference speed, memory, size."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "count_flops": "complexity",
        "count_parameters": "complexity",
        "measure_network": "measure",
        "plot_speed": "report",
        "run_in_process": "process",
        "speed_table": "report",
        "summary": "report",
    },
)
