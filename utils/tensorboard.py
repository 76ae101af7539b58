"""TensorBoard logs, for those who ask for them."""

from utils.errors import WorkFailed


class Writer:
    """Writes the rows of a training log as TensorBoard scalars.

    Args:
        folder: `pathlib.Path` for the event files.

    Raises:
        WorkFailed: if TensorFlow, which writes them, is not installed.
    """

    def __init__(self, folder):
        try:
            import tensorflow as tf
        except ImportError as error:
            raise WorkFailed("--tensorboard needs TensorFlow: pip install tensorflow") from error
        self._summary = tf.summary
        self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, row):
        """Writes every number of a row, a dict with `epoch`, at that epoch."""
        with self._writer.as_default(step=row["epoch"]):
            for name, value in row.items():
                self._summary.scalar(name, value)
        self._writer.flush()
