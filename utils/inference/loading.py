"""A trained network to predict with, from a checkpoint or from what export.py wrote."""

import pathlib

import numpy as np

from utils.backend import import_backend, silence_stderr, use_xla
from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference.exported_backend import RUNTIMES, load_exported


class FileNetwork:
    """An exported file as a network for `predictor.Predictor`.

    Args:
        network: what `exported_backend.load_exported` gives.
        class_dict: `ClassDict`.

    Attributes:
        size: `(height, width)` of its images, or None: any multiples of 32.
        compiles_each_shape: False, as far as anyone can see.
    """

    compiles_each_shape = False

    def __init__(self, network, class_dict):
        self._network, self._class_dict = network, class_dict
        self.size = network.size

    def classes(self, images):
        """Class indices `(B, H, W)`, uint8, of uint8 images `(B, H, W, 3)`, RGB."""
        output = self._network(images)
        if self._network.output == "logits":
            return output.argmax(-1).astype(np.uint8)
        if self._network.output == "colours":
            return np.stack([self._class_dict.encode(colors) for colors in output])
        return output

    def logits(self, images):
        """Logits `(B, H, W, C)`, float32, of uint8 images `(B, H, W, 3)`, RGB."""
        if self._network.output != "logits":
            raise UsageError(
                f"--scales, --flip and --tile need a network that gives logits, and this file gives "
                f"{self._network.output}; export it with --output logits"
            )
        return self._network(images)


def load_trained(path, model_name=None, jit_compile=None, batch_statistics=False):
    """Loads a network to predict with. Exported files do not need Keras.

    Args:
        path: of a `.keras` checkpoint or of an exported file or folder.
        model_name: str, which network the user expects, or None.
        jit_compile: bool or None, see `backend.use_xla`.
        batch_statistics: bool, whether it normalizes by the statistics of the images that it is given, see
            `precise_batch_norm.use_batch_statistics`.

    Returns:
        `(network, settings, class_dict)`: a network for `predictor.Predictor`, the run's settings, the `ClassDict`.

    Raises:
        UsageError: if the file is missing, damaged, of another network or of a runtime that is not installed, and if an
            exported one is to use other statistics.
    """
    path = pathlib.Path(path)
    if path.suffix in RUNTIMES or path.is_dir():
        if batch_statistics:
            raise UsageError(f"{path} holds the statistics of training for good; --batch_statistics needs a checkpoint")
        with silence_stderr():  # some runtimes greet
            network, settings = load_exported(path)
        class_dict = ClassDict.from_dict(settings)
        if model_name not in (None, settings["model"]):
            raise UsageError(f"{path} is a {settings['model']}, not a {model_name}; leave out --model")
        return FileNetwork(network, class_dict), settings, class_dict
    import_backend()
    from utils.checkpoints import load_for_inference
    from utils.inference.keras_backend import KerasBackend
    from utils.training.precise_batch_norm import use_batch_statistics

    model, settings = load_for_inference(path, model_name)
    if batch_statistics:
        use_batch_statistics(model)
    return KerasBackend(model, use_xla(jit_compile)), settings, ClassDict.from_dict(settings)
