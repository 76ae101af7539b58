"""Web page that runs a network in the browser: ONNX file, ONNX Runtime Web, and the page itself.

The folder needs no server but one that sends files, and loads nothing from elsewhere.
"""

import gzip
import json
import pathlib
import shutil

from models import MODELS
from utils.class_dict import ClassDict
from utils.data.image_format import ImageFormat
from utils.data.images import write_image
from utils.errors import UsageError
from utils.export.npm_package import NpmPackage, read_package
from utils.export.write import BundleInputs, ExportOptions, without_folders, write_export
from utils.inference.predictor import SIZE_MULTIPLE

# The two builds are the smallest ones of the package: for WebAssembly alone, and with WebGPU.
RUNTIME = NpmPackage(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    {
        "dist/ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
        "dist/ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
        "dist/ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
        "dist/ort.jspi.min.mjs": "bc57179d923fda2d88d4a395359c8df44399dde087bf9ff44fc0e40ab398e4d9",
        "dist/ort-wasm-simd-threaded.jspi.mjs": "270e2c6da9f297239d301d329782b6446641cb1e16a77967690adcfca35f3268",
        "dist/ort-wasm-simd-threaded.jspi.wasm": "a54c76f86b0f0d9572380cf1c6292a7b3903716ffcbcd6b0e5c7050bf430eb93",
    },
)
PAGE = pathlib.Path(__file__).with_name("web_page")
MODEL = "model.onnx.gz"
SAMPLE = "sample.jpg"
SERVE = "python -m http.server 8000"
README = """\
{title}

Segments pictures and the camera in the browser; no picture leaves it. In this folder run

    {serve}

and open http://localhost:8000. Any other web server that sends these files will do. Browsers allow the camera on
https:// and http://localhost only, and open nothing of this page from file://. With the headers

    Cross-Origin-Opener-Policy: same-origin
    Cross-Origin-Embedder-Policy: require-corp

WebAssembly uses up to four threads. The page says what it runs on: WebGPU where the browser has it (with JavaScript
Promise Integration), else WebAssembly.

runtime/ holds ONNX Runtime Web {version}, Copyright (c) Microsoft Corporation, MIT license
(https://github.com/microsoft/onnxruntime/blob/main/LICENSE); its .wasm files are packed with gzip.
{sample}"""


def check(settings: dict, inputs: BundleInputs) -> None:
    """Raises UsageError or RunError if a network takes other images than a browser has, or without ONNX Runtime Web."""
    if ImageFormat.from_settings(settings) != ImageFormat():
        raise UsageError(
            "--format web is for networks of 8-bit RGB images; this one was trained with --bands, --input_channels or "
            "--image_range"
        )
    read_package(RUNTIME, inputs.ort_web)


def write_bundle(folder: pathlib.Path, model, settings: dict, options: ExportOptions, inputs: BundleInputs) -> None:
    """Writes the folder of the page; see `write.write_export`. The first image of the parity check is its sample."""
    write_export(folder, "model.onnx", model, without_folders(settings), options._replace(format="onnx"))
    onnx, sample = folder / "model.onnx", None if inputs.source.startswith("noise") else inputs.images[0]
    files = read_package(RUNTIME, inputs.ort_web)
    (folder / "runtime").mkdir()
    for path, data in files.items():
        name = pathlib.PurePosixPath(path).name
        if name.endswith(".wasm"):
            name, data = f"{name}.gz", pack(data)
        (folder / "runtime" / name).write_bytes(data)
    (folder / MODEL).write_bytes(pack(onnx.read_bytes()))
    onnx.unlink()
    for path in sorted(PAGE.iterdir()):
        shutil.copyfile(path, folder / path.name)
    if sample is not None:
        write_image(folder / SAMPLE, sample)
    page = describe(settings, options.size, sample is not None)
    (folder / "model.json").write_text(json.dumps(page, indent=1, ensure_ascii=False), encoding="utf-8")
    note = (
        f"{SAMPLE} is a picture of the dataset: remove it, and its line in model.json, if it must not be published.\n"
    )
    text = README.format(
        title=page["title"], serve=SERVE, version=RUNTIME.version, sample=note if page["sample"] else ""
    )
    (folder / "README.txt").write_text(text, encoding="utf-8")


def describe(settings: dict, size: tuple[int, int] | None, has_sample: bool) -> dict:
    """Returns the description of a network for the page, as JSON types."""
    classes = ClassDict.from_dict(settings)
    dataset = pathlib.PurePath(settings.get("dataset_path") or "").name
    architecture = MODELS.get(settings["model"])
    frontend = f" on {settings['frontend']}" if architecture and architecture.frontend else ""
    return {
        "title": f"Semantic segmentation: {settings['model']}, {dataset}".rstrip(", "),
        "about": f"{settings['model']}{frontend}, trained on {dataset or 'unnamed data'}, "
        f"{classes.num_classes} classes. ONNX Runtime Web {RUNTIME.version}. Pictures stay in this browser.",
        "classes": [
            {"name": name, "color": [int(value) for value in color]}
            for name, color in zip(classes.class_names, classes.label_values)
        ],
        "size": list(size) if size else None,
        "multiple": SIZE_MULTIPLE,
        "sample": SAMPLE if has_sample else None,
    }


def hint(path: pathlib.Path) -> str:
    """Returns the command that serves the page, its size, and a note about its sample image."""
    sample = f" {SAMPLE} is a picture of the dataset." if (path / SAMPLE).is_file() else ""
    return f"{megabytes(path):.1f} MB.{sample} To see the page: cd {path} && {SERVE}, then open http://localhost:8000"


def pack(data: bytes) -> bytes:
    """Compresses data with gzip, equally at any time."""
    return gzip.compress(data, 9, mtime=0)


def megabytes(folder: pathlib.Path) -> float:
    """Returns the size of all files in a folder in MB, 10**6 bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
