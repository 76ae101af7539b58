"""TensorBoard event files, written with the package tensorboard alone, on every backend."""

import io
import itertools
import os
import platform
import re
import time

import keras
import numpy as np
from PIL import Image

from utils.errors import UsageError
from utils.model_graph import layer_inputs

MAX_HISTOGRAMS = 50  # epochs of a run that get histograms
MAX_WEIGHTS = 1 << 16  # weights of one variable that enter its histogram
BINS = 40


class Writer:
    """Writes a run's scalars, images, histograms of weights and graph.

    Args:
        folder: `pathlib.Path` for the event files.
        first_epoch: int, the epoch that the run starts or resumes with. TensorBoard drops earlier events of this epoch
            and later ones.
        log: rows of the epochs before, written if the folder has no events yet.

    Attributes:
        is_new: bool, whether the folder had no events before.

    Raises:
        UsageError: if the package tensorboard is not installed.
        OSError: if the file cannot be written, as of all methods.
    """

    def __init__(self, folder, first_epoch=0, log=()):
        try:
            from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise UsageError("--tensorboard needs the package tensorboard: pip install tensorboard") from error
        self._events, self._graphs, self._summaries = event_pb2, graph_pb2, summary_pb2
        self.is_new = not any(folder.glob("events*"))
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{platform.node()}.{os.getpid()}"
        # Not tensorboard's EventFileWriter, whose thread prints a traceback when the disk is full.
        self._writer = RecordWriter((folder / name).open("ab"))
        self._add(None, file_version="brain.Event:2")
        self._add(first_epoch, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))
        for row in log if self.is_new else ():
            self.scalars(row)

    def scalars(self, row):
        """Writes every number of a row of log.csv at its epoch, in the groups train, val and val_iou."""
        values = [
            self._summaries.Summary.Value(tag=scalar_tag(name), simple_value=value)
            for name, value in row.items()
            if name != "epoch" and value is not None
        ]
        self._add(row["epoch"], summary=self._summaries.Summary(value=values))
        self._writer.flush()

    def image(self, tag, path, epoch):
        """Writes an image file, as JPEG: photos are several times as large as PNG."""
        image, data = Image.open(path).convert("RGB"), io.BytesIO()
        image.save(data, "JPEG", quality=90)
        summary = self._summaries.Summary.Image(
            height=image.height, width=image.width, colorspace=3, encoded_image_string=data.getvalue()
        )
        self._add(epoch, summary=self._summaries.Summary(value=[self._summaries.Summary.Value(tag=tag, image=summary)]))

    def histograms(self, model, epoch):
        """Writes a histogram of each trainable variable, of large ones with evenly spaced weights."""
        values = [
            self._summaries.Summary.Value(tag=f"weights/{variable.path}", histo=self._histogram(variable))
            for variable in model.trainable_variables
        ]
        self._add(epoch, summary=self._summaries.Summary(value=values))

    def graph(self, model):
        """Writes the network's layers and their inputs."""
        graph, inputs = self._graphs.GraphDef(versions={"producer": 22}), layer_inputs(model)
        for operation in model.operations:
            node = graph.node.add(name=node_name(operation.name), op=type(operation).__name__)
            producers = dict.fromkeys(itertools.chain(*inputs[operation.name]))  # of all uses of a shared layer
            node.input.extend(map(node_name, producers))
            for tensor in keras.tree.flatten(operation.output):
                shape = node.attr["_output_shapes"].list.shape.add()
                for size in tensor.shape:
                    shape.dim.add(size=-1 if size is None else size)
        self._add(None, graph_def=graph.SerializeToString())
        self._writer.flush()

    def close(self):
        """Closes the event file."""
        self._writer.close()

    def _histogram(self, variable):
        weights = np.ravel(keras.ops.convert_to_numpy(variable)).astype(np.float64)
        # An odd step visits all channels, whose number is mostly even.
        weights = weights[:: max(1, len(weights) // MAX_WEIGHTS) | 1]
        weights = weights[np.isfinite(weights)]
        counts, edges = np.histogram(weights, BINS)
        return self._summaries.HistogramProto(
            min=weights.min(initial=edges[-1]),
            max=weights.max(initial=edges[0]),
            num=len(weights),
            sum=weights.sum(),
            sum_squares=weights @ weights,
            bucket_limit=edges[1:],
            bucket=counts,
        )

    def _add(self, epoch, **content):
        event = self._events.Event(wall_time=time.time(), step=epoch, **content)
        self._writer.write(event.SerializeToString())


def has_histograms(epoch, num_epochs):
    """Returns whether an epoch gets histograms: at most fifty do, the first among them."""
    return epoch % max(1, -(-num_epochs // MAX_HISTOGRAMS)) == 0


def scalar_tag(column):
    """Returns TensorBoard's name of a column of log.csv: the group that shows it, a slash, the name."""
    group, name = re.fullmatch(r"(?:(val_iou|val)_)?(.*)", column, re.S).groups()
    return f"{group or 'train'}/{name}"


def node_name(operation):
    """Replaces characters of an operation's name that TensorBoard would read as a group or an output."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", operation)
