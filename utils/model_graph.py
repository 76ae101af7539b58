"""Graph of a Keras model: the inputs of its layers, from the public configuration."""

import keras


def layer_inputs(model: keras.Model) -> dict[str, list[list[str]]]:
    """Lists the inputs of every layer.

    Args:
        model: functional `keras.Model`.

    Returns:
        Dict from the name of each layer or other operation to a list with an entry for each of its uses: the names of
        the layers whose outputs it takes, in the order of the arguments. Input layers have no uses.
    """
    return {
        layer["name"]: [list(_producers((use["args"], use["kwargs"]))) for use in layer["inbound_nodes"]]
        for layer in model.get_config()["layers"]
    }


def _producers(arguments):
    """Yields the names of the layers that made the tensors among nested serialized arguments."""
    if isinstance(arguments, dict) and arguments.get("class_name") == "__keras_tensor__":
        yield arguments["config"]["keras_history"][0]
    elif isinstance(arguments, dict):
        for value in arguments.values():
            yield from _producers(value)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            yield from _producers(value)
