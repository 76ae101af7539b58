"""Model repositories: layout, warm-up requests through the signatures, and Triton's configuration."""

import re

import cv2
import numpy as np
import pytest
import tensorflow as tf

from utils.class_dict import ClassDict
from utils.export import serving
from utils.export.reference_images import noise_image
from utils.export.write import BundleInputs, ExportOptions, output_path, write_export, written_networks
from utils.inference import Predictor, load_trained
from utils.inference.exported_backend import load_exported

CLASSES = ClassDict(["Sky", "Road", "Car"], [(0, 0, 255), (255, 0, 0), (9, 9, 9)])
SETTINGS = {**CLASSES.to_dict(), "model": "brightest", "dataset_path": "/somewhere/Streets"}
IMAGE = noise_image(1, 80, 112)


@pytest.fixture(scope="module")
def model():
    """A network whose class is the brightest channel of a pixel, mixed with its neighbors."""
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("all converters start from TensorFlow's graph")
    inputs = keras.Input((None, None, 3), name="images")
    outputs = keras.layers.AveragePooling2D(3, 1, "same")(keras.layers.Rescaling(1.0)(inputs))
    return keras.Model(inputs, outputs, name="brightest")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("serving")
    inputs = BundleInputs(path / "my net 1.keras", [IMAGE], "images")
    write_export(path, "served", model, SETTINGS, ExportOptions("serving", output="classes"), inputs=inputs)
    return path / "served"


def records(folder):
    path = folder / "models/my_net_1/1" / serving.WARM_UP
    return [record.numpy() for record in tf.data.TFRecordDataset(str(path))]


def strings_and_tensor(record):
    """Signature, input name and tensor of a record, by the bytes of the wire format."""

    def fields(data):
        at, found = 0, {}
        while at < len(data):
            tag, at = data[at], at + 1
            length = shift = 0
            while True:
                byte, at = data[at], at + 1
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            found[tag >> 3], at = data[at : at + length], at + length
        return found

    request = fields(fields(fields(record)[6])[1])
    spec, entry = fields(request[1]), fields(request[2])
    tensor = tf.make_ndarray(type(tf.make_tensor_proto(0)).FromString(entry[2]))
    return spec[1].decode(), spec[3].decode(), entry[1].decode(), tensor


def test_layout(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    saved = "models/my_net_1/1"
    assert {f"{saved}/saved_model.pb", f"{saved}/suite.json", f"{saved}/{serving.WARM_UP}", "README.txt"} <= names
    assert "triton/my_net_1_savedmodel/1/model.savedmodel/saved_model.pb" in names
    assert "somewhere" not in (folder / saved / "suite.json").read_text()
    assert "my_net_1" in serving.hint(folder) and "my_net_1" in (folder / "README.txt").read_text()


def test_networks_are_found_and_the_folder_is_replaced(folder, tmp_path):
    options = ExportOptions("serving")
    assert written_networks(folder, options)[0] == folder / "models/my_net_1/1"
    assert load_exported(folder)[1]["model"] == load_trained(folder)[1]["model"] == "brightest"
    assert output_path(str(folder), tmp_path / "a.keras", options) == folder
    assert output_path(None, tmp_path / "a.keras", options).name == "a_serving"


def test_signatures_answer_the_warm_up_requests(folder, model):
    signatures = tf.saved_model.load(str(folder / "models/my_net_1/1")).signatures
    seen = []
    for name, signature, key, tensor in map(strings_and_tensor, records(folder)):
        result = signatures[signature](**{key: tf.constant(tensor)})
        seen.append((name, signature, key, tuple(sorted(result))))
        if signature == "serving_default":
            expected = model.predict_on_batch(tensor).argmax(-1)
            np.testing.assert_array_equal(result["classes"], expected)
            sizes = tensor.shape[1:3]
        else:
            png = cv2.imdecode(np.frombuffer(result["classes_bytes"][0].numpy(), np.uint8), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(png, expected[0])
            np.testing.assert_allclose(result["shares"][0], np.bincount(expected.ravel(), minlength=3) / expected.size)
            assert sizes in ((64, 96), (96, 64), (96, 128), (128, 96), (64, 128), (128, 64))
    assert seen[:2] == [
        ("my_net_1", "serving_default", "images", ("classes",)),
        ("my_net_1", "encoded", "image_bytes", ("classes_bytes", "shares")),
    ]
    assert len(seen) == 4


def test_files_of_different_sizes_are_predicted_as_by_predict(folder, model):
    """Sizes that 32 does not divide: padded and cropped, in one request; JPEG files are decoded as by OpenCV."""
    encoded = tf.saved_model.load(str(folder / "models/my_net_1/1")).signatures["encoded"]
    images = [IMAGE, noise_image(2, 48, 64)[:33, :41]]
    files = [cv2.imencode(".png", image[..., ::-1])[1].tobytes() for image in images]
    files.append(cv2.imencode(".jpg", IMAGE[:70, :100, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes())
    images.append(np.ascontiguousarray(cv2.imdecode(np.frombuffer(files[-1], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]))
    pngs = encoded(image_bytes=tf.constant(files))["classes_bytes"].numpy()
    expected = dict(Predictor(model)(enumerate(images)))
    for index, png in enumerate(pngs):
        classes = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(classes, expected[index])


def test_a_fixed_size_has_one_signature(model, tmp_path):
    inputs = BundleInputs(tmp_path / "net.keras", [IMAGE], "images")
    write_export(tmp_path, "fixed", model, SETTINGS, ExportOptions("serving", (50, 70)), inputs=inputs)
    saved = tf.saved_model.load(str(tmp_path / "fixed/models/net/1"))
    assert list(saved.signatures) == ["serving_default"]
    config = (tmp_path / "fixed/triton/net_savedmodel/config.pbtxt").read_text()
    assert "dims: [ 50, 70, 3 ]" in config and "TYPE_FP32" in config


def test_triton_configuration_is_that_of_the_onnx_file(folder):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = folder / "triton/my_net_1"
    session = onnxruntime.InferenceSession(str(path / "1/model.onnx"))
    config = (path / "config.pbtxt").read_text()
    assert 'name: "my_net_1"' in config and 'platform: "onnxruntime_onnx"' in config
    tensors = re.findall(r'name: "(\w+)" data_type: TYPE_(\w+) dims: \[ ([-\d, ]+) \]', config)
    onnx = [*session.get_inputs(), *session.get_outputs()]
    for (name, kind, dims), tensor in zip(tensors, onnx, strict=True):
        assert name == tensor.name and f"tensor({kind.lower()})" == tensor.type
        sides = [side if isinstance(side, int) else -1 for side in tensor.shape[1:]]
        assert [int(side) for side in dims.split(",")] == sides
    assert session.get_outputs()[0].shape == ["batch", "height", "width"]


def test_without_onnx_the_user_is_told(monkeypatch, capsys):
    from utils.export import write

    serving.check(SETTINGS, None)
    monkeypatch.setattr(write.importlib.util, "find_spec", lambda name: None)
    capsys.readouterr()
    serving.check(SETTINGS, None)
    assert re.match("Triton gets no ONNX file: needs .*pip install tf2onnx", capsys.readouterr().out)
