"""Model repositories for TensorFlow Serving and NVIDIA Triton.

Layout of the folder: `models/NAME/1` for TensorFlow Serving, with warm-up requests, and `triton/` for Triton, with the
network as an ONNX file and as a SavedModel.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Sequence

import cv2
import numpy as np

from utils.backend import silence_stderr
from utils.checkpoint_archive import SUITE_MEMBER
from utils.class_dict import ClassDict
from utils.data.image_format import ImageFormat
from utils.errors import UsageError
from utils.export.converters import build_graph
from utils.export.formats import check_packages
from utils.export.prediction_log import prediction_log
from utils.export.reference_images import resize_image
from utils.export.write import BundleInputs, ExportOptions, without_folders, write_export
from utils.inference.predictor import SIZE_MULTIPLE

WARM_UP = "assets.extra/tf_serving_warmup_requests"
MAX_SIDE = 512  # pixels of the longer side of a warm-up image
MAX_BATCH = 8  # images that Triton may put together
README = """\
{name}: see docs/serving.md of the Semantic Segmentation Suite

models/{name}/1     TensorFlow Serving; signatures: {signatures}
triton/             model repository of NVIDIA Triton: {triton}

    docker run -p 8501:8501 -v "$PWD/models/{name}:/models/{name}" -e MODEL_NAME={name} tensorflow/serving
    docker run -p 8000:8000 -v "$PWD/triton:/models" nvcr.io/nvidia/tritonserver:25.06-py3 tritonserver \\
        --model-repository=/models
"""


def check(settings: dict, inputs: BundleInputs) -> None:
    """Prints a line if the packages of the ONNX file for Triton are not installed."""
    try:
        check_packages("onnx")
    except UsageError as error:
        print(f"Triton gets no ONNX file: {str(error).removeprefix('--format onnx ')}")


def write_bundle(folder: pathlib.Path, model, settings: dict, options: ExportOptions, inputs: BundleInputs) -> None:
    """Writes the folder; see `write.write_export`."""
    name, settings = model_name(inputs.checkpoint), without_folders(settings)
    saved = folder / "models" / name / "1"
    signatures = write_signatures(saved, model, settings, options)
    write_warm_up(saved / WARM_UP, name, warm_up_images(inputs.images, options.size), signatures)
    outputs = ClassDict.from_dict(settings).num_classes
    triton = [f"{name}_savedmodel (releases with the TensorFlow backend)"]
    write_config(folder / "triton" / f"{name}_savedmodel", "tensorflow_savedmodel", model, options, outputs)
    shutil.copytree(
        saved, folder / "triton" / f"{name}_savedmodel" / "1" / "model.savedmodel", copy_function=link_or_copy
    )
    with contextlib.suppress(UsageError):
        check_packages("onnx")
        write_config(folder / "triton" / name, "onnxruntime_onnx", model, options, outputs)
        (folder / "triton" / name / "1").mkdir()
        write_export(folder / "triton" / name / "1", "model.onnx", model, settings, options._replace(format="onnx"))
        triton.insert(0, name)
    text = README.format(name=name, signatures=", ".join(signatures), triton=", ".join(triton))
    (folder / "README.txt").write_text(text, encoding="utf-8")


def networks(path: pathlib.Path) -> list[pathlib.Path]:
    """Returns the networks in the folder that are compared with Keras."""
    return [*path.glob("models/*/1"), *path.glob("triton/*/1/model.onnx")]


def hint(path: pathlib.Path) -> str:
    """Returns the command that serves the folder."""
    name = next((path / "models").iterdir()).name
    return (
        f"To serve it: see {path}/README.txt, or tensorflow_model_server --model_name={name} --rest_api_port=8501 "
        + (f"--model_base_path={path.resolve()}/models/{name}")
    )


def model_name(checkpoint: pathlib.Path) -> str:
    """Returns a name for servers: the checkpoint's, of letters, digits, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", checkpoint.stem)


def write_signatures(path: pathlib.Path, model, settings: dict, options: ExportOptions) -> list[str]:
    """Writes a SavedModel whose second signature, `encoded`, takes image files, and returns the signatures' names.

    `encoded` takes `image_bytes`, string `(B,)`, JPEG, PNG or GIF files of any sizes, pads and predicts each as
    predict.py does, and returns `classes_bytes`, string `(B,)`, PNG files of class indices, and `shares`, float32
    `(B, C)`, the share of each class. Networks of one size or of other images than 8-bit RGB do not have it.
    """
    import tensorflow as tf

    classes = ClassDict.from_dict(settings)
    module = build_graph(model, classes.label_values, options._replace(format="savedmodel"))
    signatures = {"serving_default": module.serve}

    def predict(data):
        # Decodes PNG and GIF files too. The accurate method is OpenCV's; the default differs by up to 9 levels.
        image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        padding = [[0, -height % SIZE_MULTIPLE], [0, -width % SIZE_MULTIPLE], [0, 0]]
        logits = model(tf.pad(image, padding)[None], training=False)[0, :height, :width]
        indices = tf.argmax(logits, axis=-1, output_type=tf.int32)
        counts = tf.math.bincount(tf.reshape(indices, [-1]), minlength=classes.num_classes)
        shares = tf.cast(counts, tf.float32) / tf.cast(height * width, tf.float32)
        return tf.io.encode_png(tf.cast(indices, tf.uint8)[..., None]), shares

    def encoded(image_bytes):
        outputs = tf.TensorSpec((), tf.string), tf.TensorSpec((classes.num_classes,), tf.float32)
        png, shares = tf.map_fn(predict, image_bytes, fn_output_signature=outputs)
        return {"classes_bytes": png, "shares": shares}

    if options.size is None and ImageFormat.from_settings(settings) == ImageFormat():
        spec = [tf.TensorSpec((None,), tf.string, name="image_bytes")]
        module.encoded = signatures["encoded"] = tf.function(encoded, input_signature=spec, autograph=False)
    with silence_stderr():
        tf.saved_model.save(module, str(path), signatures=signatures)
    note = json.dumps({**settings, "output": options.output})
    (path / SUITE_MEMBER).write_text(note, encoding="utf-8")
    return list(signatures)


def warm_up_images(images: Sequence[np.ndarray], size: tuple[int, int] | None) -> list[np.ndarray]:
    """Returns an image of the size, or one of multiples of 32 pixels and the same with its sides swapped."""
    image = images[0]
    if size:
        return [resize_image(image, size)]
    scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(side * scale / SIZE_MULTIPLE)) * SIZE_MULTIPLE for side in image.shape[:2])
    return [resize_image(image, sides) for sides in dict.fromkeys([(height, width), (width, height)])]


def write_warm_up(path: pathlib.Path, name: str, images: Sequence[np.ndarray], signatures: Sequence[str]) -> None:
    """Writes the requests that TensorFlow Serving runs before it says that it is ready, at most 1000.

    Args:
        path: of the file of records.
        name: of the model.
        images: uint8 arrays `(h, w, channels)`.
        signatures: of "serving_default" and "encoded".
    """
    import tensorflow as tf

    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            tensors = {"serving_default": ("images", image[None])}
            if "encoded" in signatures:
                png = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
                tensors["encoded"] = "image_bytes", np.array([png], object)
            for signature, (key, value) in tensors.items():
                writer.write(prediction_log(name, signature, {key: tf.make_tensor_proto(value).SerializeToString()}))


def write_config(folder: pathlib.Path, platform: str, model, options: ExportOptions, classes: int) -> None:
    """Writes Triton's `config.pbtxt` of a network; batches form of images of equal size that wait together."""
    height, width = options.size or (-1, -1)
    output_type, last = {
        "logits": ("TYPE_FP32", f", {classes}"),
        "classes": ("TYPE_UINT8", ""),
        "colours": ("TYPE_UINT8", ", 3"),
    }[options.output]
    folder.mkdir(parents=True)
    (folder / "config.pbtxt").write_text(
        f'name: "{folder.name}"\n'
        f'platform: "{platform}"\n'
        f"max_batch_size: {MAX_BATCH}\n"
        f'input [ {{ name: "images" data_type: TYPE_UINT8 dims: [ {height}, {width}, {model.input.shape[-1]} ] }} ]\n'
        f'output [ {{ name: "{options.output}" data_type: {output_type} dims: [ {height}, {width}{last} ] }} ]\n'
        "dynamic_batching { }\n",
        encoding="utf-8",
    )


def link_or_copy(source: str, target: str) -> None:
    """Links a file, which takes no space, or copies it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
