"""Builders of a training run from its settings: network, optimizer and losses."""

import keras

from frontends.batch_norm import synchronize_batch_norm
from models import MODELS, Head, build_model, frontend_layers
from utils.backend import pause_gc, set_precision, use_xla
from utils.class_dict import IGNORED
from utils.data.image_format import ImageFormat
from utils.losses import LOSSES, build_losses
from utils.replicas import num_replicas, replica_scope
from utils.run_folder import RunFolder
from utils.training.optimizers import build_optimizer, build_schedule
from utils.training.optimizers.parameter_groups import inner_optimizer
from utils.training.optimizers.schedules import ShiftedSchedule, TimedSchedule
from utils.training.remat import rematerialize
from utils.training.resume import restore_training


def auxiliary_heads(settings: dict) -> dict:
    """Returns the auxiliary heads that the network trains with: a dict from name to `models.Head`, maybe empty.

    Soft labels are one of kind "soft": the logits once more, compared with the teacher's probabilities.
    """
    heads = {} if settings["no_auxiliary"] else MODELS[settings["model"]].heads
    soft = {"soft": Head("soft", settings["soft_weight"])} if settings.get("soft_labels") else {}
    return {**heads, **soft}


def output_names(settings: dict) -> tuple[str, ...]:
    """Returns the names of the network's outputs if it trains with auxiliary heads, else an empty tuple."""
    heads = auxiliary_heads(settings)
    return ("logits", *heads) if heads else ()


def build_network(settings: dict, num_classes: int, frontend_weights: str | None = None) -> keras.Model:
    """Builds the network of a run, with its auxiliary heads.

    Args:
        settings: flags of train.py.
        num_classes: number of classes.
        frontend_weights: as in `models.build_model`.
    """
    heads = auxiliary_heads(settings)
    model = build_model(
        settings["model"],
        num_classes,
        settings["frontend"],
        (None, None, ImageFormat.from_settings(settings).channels),
        frontend_weights=frontend_weights,
        training_heads=bool(set(heads) - {"soft"}),
        output_stride=settings["output_stride"],
    )
    if "soft" not in heads:
        return model
    outputs = model.output if isinstance(model.output, dict) else {"logits": model.output}
    return keras.Model(model.input, {**outputs, "soft": outputs["logits"]}, name=model.name)


@pause_gc()
@replica_scope()
def build_training_model(
    settings: dict, class_weights: list[float] | None = None, steps_per_epoch: int = 1, pretrained: bool = True
) -> keras.Model:
    """Builds and compiles the network of a run.

    Args:
        settings: flags of train.py, and "num_classes".
        class_weights: C floats for the loss, or None.
        steps_per_epoch: for the schedule of the learning rate.
        pretrained: False leaves out the pretrained weights of the frontend, whatever the settings.

    Returns:
        Compiled `keras.Model` with the outputs `output_names`.
    """
    settings = adapt_to_replicas(settings)
    keras.utils.set_random_seed(settings["seed"])
    set_precision(settings["mixed_precision"])
    weights, num_classes, heads = settings["frontend_weights"], settings["num_classes"], auxiliary_heads(settings)
    model = build_network(settings, num_classes, weights if pretrained and weights != "none" else None)
    if num_replicas() > 1 and settings.get("sync_batch_norm", True):
        synchronize_batch_norm(model)
    if settings["remat"]:
        rematerialize(model, (settings["crop_height"], settings["crop_width"], model.input.shape[-1]))
    losses, loss_weights = build_losses(
        heads, settings["loss"], num_classes, class_weights, settings["label_smoothing"]
    )
    mean_iou = keras.metrics.MeanIoU(num_classes, ignore_class=IGNORED, sparse_y_pred=False, name="mean_iou")
    metrics = {"logits": [mean_iou]}
    if not heads:  # Keras takes no names for a single output
        losses, loss_weights, metrics = losses["logits"], None, metrics["logits"]
    optimizer = build_run_optimizer(model, settings, steps_per_epoch)
    if num_replicas() > 1:
        from utils.training.optimizers.replicated import scale_loss  # of TensorFlow

        optimizer = scale_loss(optimizer)
    model.compile(
        optimizer=optimizer,
        loss=losses,
        loss_weights=loss_weights,
        metrics=metrics,
        steps_per_execution=settings["steps_per_execution"],
        jit_compile=use_xla(settings["jit_compile"]),
    )
    create_variables(model)
    if num_replicas() > 1:
        # Keras would read the first batches of each epoch to create them, so that the epoch begins with a later batch.
        model._maybe_symbolic_build = lambda **_: None
    return model


def adapt_to_replicas(settings: dict) -> dict:
    """Returns the settings that several replicas of TensorFlow can train with; prints how their training differs."""
    parts, name, steps = num_replicas(), settings["loss"], settings["steps_per_execution"]
    if parts == 1:
        return settings
    if not LOSSES[name].additive:
        print(f"--loss {name} compares pixels within {parts} parts of each batch, on one device within the whole batch")
    if steps > 1:  # its graph is not valid (TensorFlow 2.21)
        print(f"--steps_per_execution 1 instead of {steps}: TensorFlow repeats no steps of several devices")
    return {**settings, "steps_per_execution": 1}


def build_run_optimizer(model: keras.Model, settings: dict, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Builds the optimizer of a run, with the frontend's learning rate. Arguments as in `build_training_model`."""
    is_timed = bool(settings.get("minutes")) and (settings["schedule"] != "constant" or settings["warm_up"] > 0)
    schedule = build_run_schedule(settings, steps_per_epoch, is_timed)
    optimizer = build_optimizer(
        settings["optimizer"], schedule, settings["weight_decay"], settings["accumulate"], settings["ema"]
    )
    frontend = [variable for layer in frontend_layers(model) for variable in layer.trainable_variables]
    optimizer.set_parameter_group(frontend, settings["frontend_learning_rate"])
    optimizer.timed_schedule = schedule if is_timed else None
    return optimizer


def build_run_schedule(settings: dict, steps_per_epoch: int, is_timed: bool = False):
    """Builds the schedule of a run, or returns its learning rate. `is_timed`: whether its end is a time."""
    name, learning_rate = settings["schedule"], settings["learning_rate"]
    # Keras counts steps here also when several of them make one update (tried with Keras 3.15).
    if is_timed:
        return TimedSchedule(name, learning_rate, steps_per_epoch)
    return build_schedule(name, learning_rate, steps_per_epoch, settings["num_epochs"], settings["warm_up"])


def halved_learning_rate(settings: dict, state: dict | None) -> float:
    """Returns the initial learning rate of a run: that of the settings, halved each time that it diverged."""
    return settings["learning_rate"] * 0.5 ** (state or {}).get("recoveries", 0)


def set_learning_rate(model: keras.Model, settings: dict, state: dict, steps_per_epoch: int) -> None:
    """Sets the learning rate of a compiled network to that of its settings and state.

    Args:
        model: compiled `keras.Model` of `build_training_model`.
        settings, steps_per_epoch: as in `build_training_model`.
        state: state of the training.
    """
    optimizer = inner_optimizer(model.optimizer)
    settings = {**settings, "learning_rate": halved_learning_rate(settings, state)}
    if optimizer.timed_schedule:  # its progress and its warm-up go on
        optimizer.timed_schedule.set_learning_rate(settings["learning_rate"])
    else:
        optimizer.learning_rate = build_run_schedule(settings, steps_per_epoch)
        continue_schedule(model, settings, state, steps_per_epoch)
    model.make_train_function(force=True)  # the schedule is part of the compiled step


def continue_schedule(model: keras.Model, settings: dict, state: dict, steps_per_epoch: int) -> None:
    """Moves the schedule of a resumed run to its progress, if the number of steps per epoch has changed.

    The optimizer counts all steps, also those of shorter or longer epochs before. A shift makes up for the difference:
    the progress is that of epochs and images.

    Args:
        model: with the optimizer's state of the checkpoint.
        settings, steps_per_epoch: as in `build_training_model`.
        state: of the run; "schedule_shift" None stands for a shift to be found, see `resume.adapt_position`.
    """
    optimizer = inner_optimizer(model.optimizer)
    if state.get("schedule_shift", 0) is None:
        position = (state["epoch"] - settings["epoch_start_i"]) * steps_per_epoch + state["step"]
        state["schedule_shift"] = position - int(optimizer.iterations)
    schedule = build_run_schedule(settings, steps_per_epoch)
    if state.get("schedule_shift") and callable(schedule) and not optimizer.timed_schedule:
        optimizer.learning_rate = ShiftedSchedule(schedule, state["schedule_shift"])


def create_variables(model: keras.Model) -> None:
    """Builds a compiled network's optimizer, losses and metrics, with their variables.

    If the variables were created while the first step is traced, TensorFlow would trace it a second time. On other
    backends `fit` builds what is left with a batch of its data, and then does not begin with the first batch.
    """
    model.optimizer.build(model.trainable_variables)
    outputs = keras.tree.map_structure(
        lambda output: keras.ops.zeros([size or 1 for size in output.shape]), model.output
    )
    labels = keras.ops.zeros((1, 1, 1), "uint8")
    if isinstance(outputs, dict):
        labels = dict.fromkeys(outputs, labels)
        if "soft" in outputs:
            labels["soft"] = keras.ops.zeros(outputs["soft"].shape, "uint8")
    model.compute_loss(y=labels, y_pred=outputs)  # of several outputs it has variables, the mean of each loss
    model.compute_metrics(None, labels, outputs)
    model.reset_metrics()


def prepare_model(
    settings: dict, class_weights: list[float] | None, steps_per_epoch: int, run: RunFolder, state: dict | None
) -> keras.Model:
    """Builds the network of a run and loads its weights.

    They are those of the latest checkpoint, with its optimizer, those of `--init_from`, or pretrained ones.

    Args:
        settings, class_weights, steps_per_epoch: as in `build_training_model`.
        run: the run's files.
        state: the state of the run to resume, or None for a new one.
    """
    from utils.training.warm_start import start_from, transfer_report  # here: it imports this module

    source = settings["init_from"]
    settings = {**settings, "learning_rate": halved_learning_rate(settings, state)}
    model = build_training_model(settings, class_weights, steps_per_epoch, pretrained=not (state or source))
    if state:
        restore_training(run.latest, model, state)
        if settings["schedule"] == "constant" and not settings["warm_up"]:
            model.optimizer.learning_rate = settings["learning_rate"]  # the checkpoint's may be another
        continue_schedule(model, settings, state, steps_per_epoch)
    elif source:
        print(transfer_report(start_from(source, model, settings["class_names"]), source))
    return model
