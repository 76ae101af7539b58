"""Encoded requests, read by Google's protobuf from messages that are defined here, and by hand."""

import numpy as np
import pytest

from utils.export.prediction_log import field, prediction_log, varint


def message_class():
    """`PredictionLog` as in tensorflow_serving/apis, with the fields that are used and those beside them."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from tensorflow.core.framework import tensor_pb2

    def add(parent, name, fields):
        message = parent.add(name=name)
        for number, (label, kind, type_name) in fields.items():
            kinds = {"string": 9, "message": 11}
            many = 3 if label.endswith("*") else 1
            message.field.add(
                name=label.rstrip("*"), number=number, label=many, type=kinds[kind], type_name=type_name or None
            )
        return message

    file = descriptor_pb2.FileDescriptorProto(name="log.proto", package="t", syntax="proto3")
    file.dependency.append(tensor_pb2.DESCRIPTOR.name)
    tensor = f".{tensor_pb2.TensorProto.DESCRIPTOR.full_name}"
    add(file.message_type, "ModelSpec", {1: ("name", "string", ""), 3: ("signature_name", "string", "")})
    request = {1: ("model_spec", "message", ".t.ModelSpec"), 2: ("inputs*", "message", ".t.PredictRequest.InputsEntry")}
    request = add(file.message_type, "PredictRequest", request)
    entry = add(request.nested_type, "InputsEntry", {1: ("key", "string", ""), 2: ("value", "message", tensor)})
    entry.options.map_entry = True
    add(file.message_type, "PredictLog", {1: ("request", "message", ".t.PredictRequest")})
    add(file.message_type, "PredictionLog", {6: ("predict_log", "message", ".t.PredictLog")})
    pool = descriptor_pool.DescriptorPool()
    for dependency in (*tensor_pb2.DESCRIPTOR.dependencies, tensor_pb2.DESCRIPTOR):
        for inner in getattr(dependency, "dependencies", ()):
            pool.Add(descriptor_pb2.FileDescriptorProto.FromString(inner.serialized_pb))
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(dependency.serialized_pb))
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.PredictionLog"))


@pytest.mark.parametrize("value, encoded", [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_numbers_of_the_documentation(value, encoded):
    assert varint(value).hex() == encoded


def test_a_field_of_the_documentation():
    assert field(2, b"testing").hex() == "120774657374696e67"


def test_a_request_is_read_by_protobuf():
    import tensorflow as tf

    images = np.arange(2 * 5 * 40 * 3, dtype=np.uint8).reshape(2, 5, 40, 3)
    tensor = tf.make_tensor_proto(images).SerializeToString()
    log = message_class().FromString(prediction_log("net", "serving_default", {"images": tensor}))
    request = log.predict_log.request
    assert (request.model_spec.name, request.model_spec.signature_name) == ("net", "serving_default")
    assert list(request.inputs) == ["images"]
    read = tf.make_ndarray(type(tf.make_tensor_proto(0)).FromString(request.inputs["images"].SerializeToString()))
    np.testing.assert_array_equal(read, images)


def test_a_request_is_read_by_tensorflow_servings_package():
    messages = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    log = messages.PredictionLog.FromString(prediction_log("net", "encoded", {"image_bytes": b""}))
    assert log.WhichOneof("log_type") == "predict_log"
    assert log.predict_log.request.model_spec.signature_name == "encoded"
