"""TensorBoard logs, for those who ask for them."""

from utils.errors import BadUse


class Writer:
    """Writes the rows of a training log as TensorBoard scalars.

    Args:
        folder: `pathlib.Path` for the event files.

    Raises:
        BadUse: if the package tensorboard is not installed.
    """

    def __init__(self, folder):
        try:
            from tensorboard.summary import Writer as EventWriter
        except ImportError as error:
            raise BadUse("--tensorboard needs the package tensorboard: pip install tensorboard") from error
        self._writer = EventWriter(str(folder))

    def write(self, row):
        """Writes every number of a row, a dict with `epoch`, at that epoch."""
        for name, value in row.items():
            self._writer.add_scalar(name, value, row["epoch"])
        self._writer.flush()
