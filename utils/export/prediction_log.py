"""Requests of TensorFlow Serving as protocol buffers, encoded without its package.

The messages are those of `tensorflow_serving/apis` 2.21: `PredictionLog` (field 6 `predict_log`), `PredictLog` (1
`request`), `PredictRequest` (1 `model_spec`, 2 `inputs`, a map) and `ModelSpec` (1 `name`, 3 `signature_name`).
"""

from collections.abc import Mapping

LENGTH_DELIMITED = 2  # wire type of strings, bytes and messages


def prediction_log(model: str, signature: str, inputs: Mapping[str, bytes]) -> bytes:
    """Encodes a `PredictionLog` with one request.

    Args:
        model: name of the model.
        signature: name of the signature.
        inputs: from the names of the inputs to encoded `TensorProto` messages.
    """
    spec = field(1, model.encode()) + field(3, signature.encode())
    entries = (field(2, field(1, name.encode()) + field(2, tensor)) for name, tensor in inputs.items())
    request = field(1, spec) + b"".join(entries)
    return field(6, field(1, request))


def field(number: int, value: bytes) -> bytes:
    """Encodes a field of a message: its number, the length of the value, and the value."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Encodes a number that is not negative in 7 bits a byte, the lowest first."""
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)
