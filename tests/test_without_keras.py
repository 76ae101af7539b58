"""test.py and predict.py on an ONNX file, where neither Keras nor a backend of it is installed."""

import json
import os
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from utils.data.folder import list_pairs, read_classes
from utils.data.labels import read_pair
from utils.metrics import ConfusionMatrix

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
# Runs the command line after it with Keras and its backends blocked.
PROGRAM = """
import runpy, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "jax", "torch"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocker())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# As much of ONNX Runtime as the suite uses, for the network of these tests alone; its "files" are JSON.
FAKE_RUNTIME = """
import json, types
import numpy as np

__version__ = "0"
SessionOptions = types.SimpleNamespace

def get_available_providers():
    return ["CPUExecutionProvider"]

class InferenceSession:
    def __init__(self, path, options, providers):
        with open(path) as file:
            self.values = json.load(file)

    def get_inputs(self):
        return [types.SimpleNamespace(name="images", shape=["N", "H", "W", 3])]

    def get_modelmeta(self):
        return types.SimpleNamespace(custom_metadata_map=self.values["metadata"])

    def run(self, outputs, inputs):
        weights, bias = (np.float32(self.values[key]) for key in ("weights", "bias"))
        return [inputs["images"].astype(np.float32) @ weights + bias]
"""


def nearest_color_network(class_dict):
    """Weights `(3, C)` and bias `(C,)` of logits that are greatest for the class of the nearest color."""
    colors = class_dict.label_values.astype(np.float32)
    return 2 * colors.T, -(colors**2).sum(axis=1)


def write_onnx(path, weights, bias, metadata):
    """Writes a real ONNX file."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=types.FLOAT),
        helper.make_node("MatMul", ["pixels", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["logits"]),
    ]
    shapes = ("N", "H", "W", 3), ("N", "H", "W", len(bias))
    graph = helper.make_graph(
        nodes,
        "nearest_color",
        [helper.make_tensor_value_info("images", types.UINT8, shapes[0])],
        [helper.make_tensor_value_info("logits", types.FLOAT, shapes[1])],
        [onnx.numpy_helper.from_array(array, name) for name, array in (("weights", weights), ("bias", bias))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)


@pytest.fixture(params=["onnxruntime", "a stand-in"])
def runtime(request, streets, tmp_path, monkeypatch):
    """`network.onnx` in the current folder, for ONNX Runtime or for the stand-in on the path of new processes."""
    monkeypatch.chdir(tmp_path)
    paths = [str(REPOSITORY)]
    class_dict = read_classes(streets)
    settings = {**class_dict.to_dict(), "model": "tiny", "dataset_path": str(streets), "ignore_class": []}
    metadata = {"suite.json": json.dumps({**settings, "output": "logits"})}
    weights, bias = nearest_color_network(class_dict)
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
        write_onnx("network.onnx", weights, bias, metadata)
    else:
        (tmp_path / "packages").mkdir()
        (tmp_path / "packages" / "onnxruntime.py").write_text(FAKE_RUNTIME)
        paths.insert(0, str(tmp_path / "packages"))
        values = {"weights": weights.tolist(), "bias": bias.tolist(), "metadata": metadata}
        (tmp_path / "network.onnx").write_text(json.dumps(values))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def run(command, *arguments):
    arguments = [str(REPOSITORY / command), "--checkpoint_path", "network.onnx", *map(str, arguments)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def predicted(image, class_dict):
    weights, bias = nearest_color_network(class_dict)
    return (image.astype(np.float32) @ weights + bias).argmax(-1)


def test_scores_of_an_onnx_file(runtime, streets, tmp_path):
    output = run("test.py", "--batch_size", "2")
    class_dict, confusion = read_classes(streets), ConfusionMatrix(12)
    for pair in list_pairs(streets, "test"):
        image, label = read_pair(pair.image, pair.label, class_dict)
        confusion.update(label, predicted(image, class_dict))
    folder = tmp_path / "Test" / f"tiny_{streets.name}"
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["mean_iou"] == confusion.result()["mean_iou"] and "mean IoU" in output
    assert "onnxruntime" in scores["settings"]["versions"] and "keras" not in scores["settings"]["versions"]
    assert (folder / "samples.png").exists() and (folder / "confusion.png").exists()


def test_predictions_of_an_onnx_file(runtime, streets, tmp_path):
    run(
        "predict.py",
        "--image",
        streets / "test",
        "--overlay",
        "--indices",
        "--confidence",
        "--probabilities",
        "--coverage",
        "--tile",
        "64",
        "--overlap",
        "32",
    )
    class_dict = read_classes(streets)
    for pair in list_pairs(streets, "test"):
        image, _ = read_pair(pair.image, pair.label, class_dict)
        indices = cv2.imread(str(tmp_path / "predictions" / f"{pair.name}_indices.png"), cv2.IMREAD_UNCHANGED)
        assert (indices == predicted(image, class_dict)).mean() > 0.999
        for file in ("overlay.png", "confidence.png", "probabilities.npz"):
            assert (tmp_path / "predictions" / f"{pair.name}_{file}").exists()


def test_a_checkpoint_needs_keras(streets):
    """And Keras is blocked in these tests."""
    arguments = [str(REPOSITORY / "predict.py"), "--image", str(streets / "test"), "--checkpoint_path", "a.keras"]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2 and "keras is not installed" in done.stderr and len(done.stderr.splitlines()) == 1
