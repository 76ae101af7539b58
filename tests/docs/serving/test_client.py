"""The client of the documentation, against a server that answers as TensorFlow Serving's REST interface does."""

import base64
import http.server
import importlib.util
import json
import pathlib
import threading

import cv2
import numpy as np
import pytest
import tensorflow as tf

from utils.class_dict import ClassDict
from utils.export.reference_images import noise_image
from utils.export.write import BundleInputs, ExportOptions, write_export

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPEC = importlib.util.spec_from_file_location("client", ROOT / "docs" / "serving" / "client.py")
client = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(client)
CLASSES = ClassDict(["Sky", "Road", "Car"], [(0, 0, 255), (255, 0, 0), (9, 9, 9)])


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers `:predict` in the row format: tensors as lists, bytes as {"b64": ...}, errors as {"error": ...}."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/models/net:predict":
            return self.answer(404, {"error": f"Malformed request: POST {self.path}"})
        signature = self.server.signatures[request.get("signature_name", "serving_default")]
        (name,) = signature.structured_input_signature[1]
        spec = signature.structured_input_signature[1][name]
        rows = [base64.b64decode(row["b64"]) if spec.dtype == tf.string else row for row in request["instances"]]
        results = {key: value.numpy() for key, value in signature(**{name: tf.constant(rows, spec.dtype)}).items()}
        return self.answer(200, {"predictions": [self.row(results, index) for index in range(len(rows))]})

    @staticmethod
    def row(results, index):
        """One item: of a single output the value itself, else a dict."""
        values = {
            key: {"b64": base64.b64encode(value[index]).decode()} if key.endswith("_bytes") else value[index].tolist()
            for key, value in results.items()
        }
        return values if len(values) > 1 else next(iter(values.values()))

    def answer(self, status, values):
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A network whose class is the brightest channel, behind the server."""
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("all converters start from TensorFlow's graph")
    inputs = keras.Input((None, None, 3), name="images")
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs), name="brightest")
    path = tmp_path_factory.mktemp("served")
    settings = {**CLASSES.to_dict(), "model": "brightest"}
    bundle = BundleInputs(path / "net.keras", [noise_image(0)], "images")
    write_export(path, "served", model, settings, ExportOptions("serving"), inputs=bundle)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.module = tf.saved_model.load(str(path / "served/models/net/1"))
        server.signatures = server.module.signatures
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/models/net"
        server.shutdown()


def test_a_file_from_the_command_line(address, tmp_path, capsys):
    image = noise_image(3, 48, 64)[:45, :50]
    path = tmp_path / "street.png"
    cv2.imwrite(str(path), image[..., ::-1])
    assert client.main([address, str(path)]) == 0
    classes = cv2.imread(str(tmp_path / "street_indices.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(classes, image.argmax(-1))
    share = 100 * (classes == 0).mean()
    assert f"class   0: {share:5.1f} %" in capsys.readouterr().out


def test_pixels(address):
    images = np.stack([noise_image(seed, 32, 64) for seed in range(2)])
    np.testing.assert_allclose(client.segment_pixels(address, images), images)


def test_errors_are_one_line(address):
    with pytest.raises(SystemExit, match=r"error: .*404 .*Malformed request"):
        client.segment_file(address.replace("net", "other"), b"")
    for wrong in ("http://127.0.0.1:9/v1/models/net", "http://127.0.0.1:9", "net"):
        with pytest.raises(SystemExit, match=f"error: no answer from {wrong}: "):
            client.segment_file(wrong, b"")
