"""Validation within a training run: scores, loss and figures of the validation images."""

from collections.abc import Sequence

import keras

from models import inference_model
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.errors import memory_errors
from utils.evaluation.evaluate import evaluate
from utils.evaluation.reports import class_table, headline, suite_means
from utils.peers import ALONE, Peers
from utils.progress import Console
from utils.replicas import replicas_of
from utils.training.divergence import constant_accuracy, constant_prediction
from utils.training.run_figures import RunFigures
from utils.training.validation_loss import LossBackend, LossPredictor, main_loss

NUM_SAMPLES = 4  # validation images in the sample grid
LOGGED_SCORES = ("mean_iou", "global_accuracy", "precision", "recall", "f1")


class RunValidation:
    """Scores the validation images of a run.

    Args:
        model: `keras.Model` in training.
        pairs: the validation images.
        data: training batches, whose image format, batch size and number of threads are used.
        figures: writes what is to be seen.
        console: prints the scores.
        peers: the processes that share out the images.

    Attributes:
        report: text of the last scores, or None.
        constant_accuracy: of the most frequent class for all pixels, 0..1, or None.
    """

    def __init__(
        self,
        model: keras.Model,
        pairs: Sequence[Pair],
        data: SegmentationDataset,
        figures: RunFigures,
        console: Console,
        peers: Peers = ALONE,
    ):
        self.pairs, self.data, self.figures, self.console = pairs, data, figures, console
        self.backend = LossBackend(inference_model(model), main_loss(model), model.jit_compile)
        # The first replica predicts all images; as many at once as it trains on.
        images = data.batch_size // peers.count // replicas_of(model)
        self.predictor, self.peers = LossPredictor(self.backend, images), peers
        self.report = self.constant_accuracy = None

    def run(self, epoch: int) -> dict:
        """Scores the images, writes and prints the scores.

        Args:
            epoch: number of the epoch.

        Returns:
            The epoch's columns of log.csv that begin with "val_".
        """
        self.backend.reset()
        with memory_errors(), self.console.progress("Validation", len(self.pairs)) as progress:
            evaluation = evaluate(
                self.predictor,
                self.pairs,
                self.figures.class_dict,
                keep=[pair.name for pair in self.pairs[:NUM_SAMPLES]],
                progress=progress.count,
                workers=self.data.workers,
                image_format=self.data.image_format,
                observe=self.figures.observe(epoch, len(self.pairs)),
                peers=self.peers,
            )
        self.backend.add_up(self.peers)
        self.figures.add_validation(epoch, self.pairs, evaluation)
        scores, loss = evaluation.confusion.result(), self.backend.mean_loss
        shown = "-" if loss is None else f"{loss:.4g}"
        title = f"\nValidation of epoch {epoch:04d} on {evaluation.confusion.images} images, loss {shown}:"
        tables = class_table(scores), headline(scores), suite_means(evaluation.image_scores)
        self.report = "\n".join([title, *tables])
        self.console.say(self.report)
        self.constant_accuracy = constant_accuracy(evaluation.confusion)
        warning = constant_prediction(evaluation.confusion)
        if warning:
            print(f"warning: {warning}")
        columns = {"val_loss": loss, **{f"val_{name}": scores[name] for name in LOGGED_SCORES}}
        return {**columns, **{f"val_iou_{name}": iou for name, iou in scores["class_iou"].items()}}
