"""From a run's settings to the network that trains. Importing this file imports no Keras."""

from models import MODELS
from utils.backend import pause_gc


def training_heads(settings):
    """The auxiliary heads that the network trains with: a dict from name to `models.Head`, maybe empty."""
    return {} if settings["no_auxiliary"] else MODELS[settings["model"]].heads


def output_names(settings):
    """The names of the network's outputs if it trains with auxiliary heads, else an empty tuple."""
    heads = training_heads(settings)
    return ("logits", *heads) if heads else ()


@pause_gc()
def build_training_model(settings, class_weights, steps_per_epoch):
    """Builds and compiles the network of a run.

    Args:
        settings: dict of train.py's flags, and "num_classes".
        class_weights: list of float, or None.
        steps_per_epoch: int, for the schedule of the learning rate.

    Returns:
        Compiled `keras.Model`, with the heads of `training_heads`.
    """
    import keras

    from models import build_model
    from utils.backend import set_precision, use_xla
    from utils.losses.auxiliary import build_losses
    from utils.training.mean_iou import RunningMeanIoU
    from utils.training.remat import rematerialize

    keras.utils.set_random_seed(settings["seed"])
    set_precision(settings["mixed_precision"])
    weights, num_classes, heads = settings["frontend_weights"], settings["num_classes"], training_heads(settings)
    model = build_model(
        settings["model"],
        num_classes,
        settings["frontend"],
        frontend_weights=None if weights == "none" else weights,
        training_heads=bool(heads),
        output_stride=settings["output_stride"],
    )
    if settings["remat"]:
        rematerialize(model, (settings["crop_height"], settings["crop_width"], 3))
    losses, loss_weights = build_losses(
        heads, settings["loss"], num_classes, class_weights, settings["label_smoothing"]
    )
    metrics = {"logits": [RunningMeanIoU(num_classes)]}
    if not heads:  # then Keras wants no names
        losses, loss_weights, metrics = losses["logits"], None, metrics["logits"]
    model.compile(
        optimizer=build_run_optimizer(model, settings, steps_per_epoch),
        loss=losses,
        loss_weights=loss_weights,
        metrics=metrics,
        steps_per_execution=settings["steps_per_execution"],
        jit_compile=use_xla(settings["jit_compile"]),
    )
    create_variables(model)
    return model


def build_run_optimizer(model, settings, steps_per_epoch):
    """The optimizer of a run, with the frontend's own learning rate. Arguments as `build_training_model`."""
    from models import frontend_layers
    from utils.training.optimizers import build_optimizer, build_schedule

    updates = steps_per_epoch / settings["accumulate"]
    schedule = build_schedule(
        settings["schedule"], settings["learning_rate"], updates, settings["num_epochs"], settings["warm_up"]
    )
    optimizer = build_optimizer(
        settings["optimizer"], schedule, settings["weight_decay"], settings["accumulate"], settings["ema"]
    )
    frontend = [variable for layer in frontend_layers(model) for variable in layer.trainable_variables]
    optimizer.set_part(frontend, settings["frontend_learning_rate"])
    return optimizer


def create_variables(model):
    """Makes the variables that a compiled network's optimizer, losses and metrics need in training.

    If they came into being while the first step is traced, TensorFlow would trace it a second time.
    """
    import keras

    model.optimizer.build(model.trainable_variables)
    if isinstance(model.output, dict):  # then Keras keeps the mean of each output's loss
        shapes = {name: [size or 1 for size in output.shape] for name, output in model.output.items()}
        outputs = {name: keras.ops.zeros(shape) for name, shape in shapes.items()}
        labels = keras.ops.zeros((1, 1, 1), "uint8")
        model.compute_loss(y=dict.fromkeys(outputs, labels), y_pred=outputs)
