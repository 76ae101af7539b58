"""Costs of a network that is not in the table of `costs`, from its layers."""

import keras

from models import MODELS, build_model
from utils.auto.costs import NetworkCosts
from utils.benchmark.complexity import count_flops, count_parameters, without_weights
from utils.training.remat import record_calls, tensor_bytes

SIDE = 512  # pixels, at which layers are counted; some networks cannot be built for a small fixed size
SECONDS_PER_FLOP = 3.0 / 140e9  # of a step, three passes, on the reference machine in bfloat16
CLASSES, MORE_CLASSES = 12, 112


def measure_costs(model: str, frontend: str) -> NetworkCosts:
    """Counts parameters, features and operations of a network with 12 classes, and features that more classes add."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        network, features = build(model, frontend, CLASSES)
        larger, more_features = build(model, frontend, MORE_CLASSES)
        return NetworkCosts(
            count_parameters(network),
            round(features),
            round((more_features - features) / (MORE_CLASSES - CLASSES), 1),
            round((count_parameters(larger) - count_parameters(network)) / (MORE_CLASSES - CLASSES)),
            round(count_flops(network) * SECONDS_PER_FLOP / SIDE**2 * 1e6, 2),
        )
    finally:
        keras.config.set_dtype_policy(policy)


def build(model, frontend, num_classes):
    """Builds a network without values of its weights; returns it and the bytes of its features for a pixel."""
    with without_weights():
        network = build_model(model, num_classes, frontend, (SIDE, SIDE, 3), training_heads=bool(MODELS[model].heads))
        _, _, calls = record_calls(network, (SIDE, SIDE, 3))
    return network, sum(tensor_bytes(x) for call in calls for x in call.outputs) / SIDE**2
