"""Loading of trained networks: checkpoints and exported files."""

import pathlib

from utils.backend import import_backend, silence_stderr, use_xla
from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference.exported_backend import RUNTIMES, load_exported, network_in
from utils.inference.predictor import Backend
from utils.settings import check_complete


def load_trained(
    path, model_name: str | None = None, jit_compile: bool | None = None, batch_statistics: bool = False
) -> tuple[Backend, dict, ClassDict]:
    """Loads a trained network for prediction. Exported files do not need Keras.

    Args:
        path: of a `.keras` checkpoint, or of an exported file or folder.
        model_name: name of the network that the user expects, or None.
        jit_compile: whether to compile with XLA, or None to decide by the device, see `backend.use_xla`.
        batch_statistics: whether batch norm uses the statistics of the images at hand, see
            `batch_statistics.use_batch_statistics`.

    Returns:
        `(backend, settings, class_dict)`: the network for `Predictor`, the settings of its training, its classes.

    Raises:
        UsageError: if the file is missing, damaged or of another network, if its runtime (for a checkpoint: Keras) is
            not installed, or if batch statistics are wanted of an exported file.
    """
    path = network_in(pathlib.Path(path))
    if path.suffix in RUNTIMES or path.is_dir():
        if batch_statistics:
            raise UsageError(f"{path} holds the statistics of training for good; --batch_statistics needs a checkpoint")
        with silence_stderr():  # some runtimes print start-up messages
            backend, settings = load_exported(path)
        if model_name not in (None, settings["model"]):
            raise UsageError(f"{path} is a {settings['model']}, not a {model_name}; leave out --model")
        return backend, settings, ClassDict.from_dict(settings)
    try:
        import_backend()
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{path} is a checkpoint, and {error.name} is not installed: pip install -r requirements.txt, or give an "
            "ONNX file of export.py"
        ) from error
    from utils.checkpoints import load_for_inference
    from utils.inference.batch_statistics import use_batch_statistics
    from utils.inference.keras_backend import KerasBackend

    model, settings = load_for_inference(path, model_name)
    check_complete(settings, path)
    if batch_statistics:
        use_batch_statistics(model)
    return KerasBackend(model, use_xla(jit_compile)), settings, ClassDict.from_dict(settings)
