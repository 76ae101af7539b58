"""Export of trained networks to SavedModel, ONNX, LiteRT and OpenVINO."""

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "FORMATS": "formats",
        "ExportOptions": "write",
        "to_float32": "write",
        "write_export": "write",
        "check_parity": "parity",
    },
)
