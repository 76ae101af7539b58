"""The web page: its folder, and the page itself in a headless Chromium beside Keras."""

import base64
import hashlib
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from chromium import find_chromium, open_page, serve

import export
from models import build_model
from utils.class_dict import ClassDict
from utils.data.images import read_image, resize, write_image
from utils.errors import UsageError
from utils.export import web
from utils.export.npm_package import NpmPackage, cache_folder
from utils.export.reference_images import noise_image
from utils.export.write import BundleInputs, ExportOptions, write_export
from utils.inference import Predictor, load_trained
from utils.run_folder import PRETRAINED

STREET = pathlib.Path(__file__).resolve().parents[3] / "docs" / "images" / "street.jpg"
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
STATUS = "document.querySelector('#status').textContent"
DONE = f"/frames/.test({STATUS}) || !document.querySelector('#error').hidden"
SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def runtime():
    """ONNX Runtime Web: the path in the environment variable ORT_WEB, or the cached archive; nothing is downloaded."""
    path = os.environ.get("ORT_WEB") or cache_folder() / web.RUNTIME.archive
    if not os.path.exists(path):
        pytest.skip("there is no ONNX Runtime Web: export.py --format web downloads it, or name it in ORT_WEB")
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page of the pretrained network."""
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    if not find_chromium():
        pytest.skip("there is no Chromium")
    path = tmp_path_factory.mktemp("web") / "page"
    flags = ["--checkpoint_path", str(PRETRAINED), "--format", "web", "--output_path", str(path)]
    assert export.main([*flags, "--image", str(STREET), "--ort_web", runtime()]) == 0
    return path


@pytest.fixture(scope="module")
def keras_classes():
    """Function from an image to its classes by Keras, as predict.py has them."""
    predictor = Predictor(load_trained(PRETRAINED)[0])
    return lambda image: next(iter(predictor([(0, image)])))[1]


def drop(page, name):
    """Drops a picture of the served folder on the page and waits for the result."""
    page.run("document.querySelector('#status').textContent = ''; document.querySelector('#error').hidden = true")
    page.run(
        f"fetch('{name}').then(answer => answer.blob()).then(blob => {{ const data = new DataTransfer();"
        f" data.items.add(new File([blob], '{name}', {{type: blob.type}}));"
        " document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data})) })"
    )
    page.wait_for(DONE, 120)
    assert page.run("document.querySelector('#error').hidden"), page.run("document.querySelector('#error').textContent")


def choose(page, selector, value):
    """Chooses a value of a list, and waits for the picture's result."""
    page.run(
        f"document.querySelector('#status').textContent = ''; document.querySelector('{selector}').value = '{value}'"
    )
    page.run(f"document.querySelector('{selector}').dispatchEvent(new Event('change'))")
    page.wait_for(DONE, 120)


def classes_on(page, classes):
    """Class indices of the overlay."""
    height, width = page.run("[overlay.height, overlay.width]")
    data = page.run(
        "(() => { const data = overlay.getContext('2d').getImageData(0, 0, overlay.width, overlay.height).data;"
        " let text = ''; for (let at = 0; at < data.length; at += 8192)"
        " text += String.fromCharCode(...data.subarray(at, at + 8192)); return btoa(text) })()"
    )
    rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
    assert (rgba[..., 3] == 255).all()
    return classes.encode(rgba[..., :3])


def test_folder_is_small_and_complete(folder):
    assert web.megabytes(folder) <= 15
    page = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in page["classes"]][:2] == ["Sky", "Building"] and page["sample"] == "sample.jpg"
    assert "python -m http.server 8000" in (folder / "README.txt").read_text()
    backend, settings = load_trained(folder)[:2]  # predict.py and test.py open the folder too
    assert settings["model"] == "custom" and backend.logits(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 32, 32, 11)


def test_pixels_are_those_of_keras(folder, keras_classes):
    """At the picture's own size, resized by the page, and at a size that 32 does not divide."""
    classes = ClassDict.from_dict(load_trained(folder)[1])
    street = read_image(STREET)
    pictures = {"street.png": street, "part.png": street[40:291, 30:400], "large.png": resize(street, (700, 930))}
    for name, image in pictures.items():
        write_image(folder / name, image)
    with serve(folder) as url, open_page() as page:
        page.open(f"{url}/?device=wasm")
        page.wait_for(DONE, 120)
        assert "1 thread" in page.run(STATUS) and "ms" in page.run(STATUS)
        for name, side, size in [
            ("street.png", 512, (360, 480)),
            ("street.png", 256, (192, 256)),
            ("part.png", 0, (251, 370)),
            ("large.png", 384, (289, 384)),
        ]:
            page.run(f"document.querySelector('#side').value = '{side}'")
            drop(page, name)
            found = classes_on(page, classes)
            expected = keras_classes(resize(pictures[name], size))
            assert found.shape == size
            assert (found == expected).mean() >= 0.999, (name, side, (found == expected).mean())
            share = page.run("document.querySelector('#legend .share').textContent")
            assert share == f"{100 * (found == 0).mean():.1f} %"
        assert not page.errors and all(request.startswith(url) for request in page.requests)


@pytest.mark.sweep
def test_pixels_on_webgpu_are_those_of_keras(folder, keras_classes):
    """On Chromium's software GPU, which takes minutes."""
    classes = ClassDict.from_dict(load_trained(folder)[1])
    image = resize(read_image(STREET), (96, 128))
    write_image(folder / "small.png", image)
    with serve(folder) as url, open_page(flags=SOFTWARE_GPU) as page:
        page.open(f"{url}/?device=webgpu")
        page.wait_for(DONE, 500)
        assert page.run(STATUS).endswith("WebGPU")
        drop(page, "small.png")
        assert (classes_on(page, classes) == keras_classes(image)).mean() >= 0.999
        assert not page.errors


def test_a_network_of_one_size(tmp_path):
    """Larger pictures are resized and smaller ones padded, as predict.py does, and classes return to their size."""
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    source = runtime()
    palette = [(index, 255 - index, 7) for index in range(4)]
    settings = {"model": "tiny", "dataset_path": "Streets", **ClassDict(list("abcd"), palette).to_dict()}
    inputs = BundleInputs(tmp_path / "net.keras", [noise_image(0)], "noise", source)
    write_export(tmp_path, "page", build_model("tiny", 4), settings, ExportOptions("web", (64, 96)), inputs=inputs)
    backend, _, classes = load_trained(tmp_path / "page")
    pictures = {"large.png": noise_image(1, 160, 208), "small.png": noise_image(2, 48, 80)}
    for name, image in pictures.items():
        write_image(tmp_path / "page" / name, image)
    with serve(tmp_path / "page") as url, open_page() as page:
        page.open(f"{url}/?device=wasm")
        page.wait_for(f"/Ready/.test({STATUS})", 120)
        for name, image in pictures.items():
            drop(page, name)
            expected = next(iter(Predictor(backend)([(0, image)])))[1]
            assert (classes_on(page, classes) == expected).mean() >= 0.999, name
        assert page.run("getComputedStyle(document.querySelector('#side').parentElement).display") == "none"


def test_page_answers_its_user(folder, tmp_path):
    with serve(folder, ISOLATED) as url, open_page(flags=FAKE_CAMERA) as page:
        page.open(f"{url}/", width=390, height=844)
        page.wait_for(DONE, 120)
        assert "threads" in page.run(STATUS)
        for scheme in ("light", "dark"):
            page.emulate(prefers_color_scheme=scheme)
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
        colors = page.run("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        assert colors == ["rgb(22, 24, 26)", "rgb(232, 232, 230)"]
        page.resize(1280, 900)
        choose(page, "#side", 256)
        page.run("scrollTo(0, 0)")
        left, top, width, height = page.run(
            "(box => [box.x, box.y, box.width, box.height])(overlay.getBoundingClientRect())"
        )
        page.move(left + width / 2, top + height * 0.7)
        assert page.wait_for("/^ (Road|Car|Pavement), \\d+ %$/.test(document.querySelector('#pointer').textContent)")
        page.run("document.querySelector('#opacity').value = 25")
        page.run("document.querySelector('#opacity').dispatchEvent(new Event('input'))")
        assert page.run("getComputedStyle(overlay).opacity") == "0.25"
        page.run("document.querySelector('#status').textContent = ''; document.querySelector('#side').value = '256'")
        page.click("#camera")
        page.wait_for(DONE, 60)
        assert page.run("document.querySelector('#camera').textContent") == "Stop camera"
        assert page.run("document.querySelector('#error').hidden") and "256x192" in page.run(STATUS)
        page.click("#camera")
        assert page.run("document.querySelector('#camera').textContent") == "Start camera"
        (folder / "no.png").write_text("no picture")
        page.run(
            "document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: (data => {"
            " data.items.add(new File(['text'], 'no.png', {type: 'image/png'})); return data })(new DataTransfer())}))"
        )
        error = page.wait_for(
            "!document.querySelector('#error').hidden && document.querySelector('#error').textContent"
        )
        assert error == "this browser cannot read no.png (image/png)"
        assert not page.errors and all(request.startswith(url) for request in page.requests)


def test_opened_as_a_file_the_page_says_what_it_needs():
    with open_page(web.PAGE / "index.html") as page:
        assert page.run("getComputedStyle(document.querySelector('#needs-server')).display") != "none"
        assert "python -m http.server" in page.run("document.body.innerText")


def test_resizing_is_opencvs(tmp_path):
    """The page's resizing, in the browser, on noise: to the bit."""
    shutil.copy(web.PAGE / "pixels.js", tmp_path)
    (tmp_path / "index.html").write_text("<!doctype html>")
    image = noise_image(3, 48, 80)
    rgba = np.dstack([image, np.full((48, 80), 255, np.uint8)]).ravel().tolist()
    with serve(tmp_path) as url, open_page(f"{url}/index.html") as page:
        for size in [(48, 80), (24, 40), (31, 57), (100, 133)]:
            height, width = size[0] + 3, size[1] + 5
            pixels = page.run(
                f"import('{url}/pixels.js').then(pixels => [...pixels.resizeAndPad(new Uint8Array({rgba}),"
                f" [48, 80], {list(size)}, [{height}, {width}])])"
            )
            result = np.array(pixels).reshape(height, width, 3)
            assert not result[size[0] :].any() and not result[:, size[1] :].any()
            np.testing.assert_array_equal(result[: size[0], : size[1]], resize(image, size))


def test_writing_without_browser_and_registry(tmp_path, monkeypatch):
    """The folder of a network of one size, with a runtime of two files."""
    files = {"dist/ort.js": b"script", "dist/ort.wasm": b"binary"}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(web, "RUNTIME", NpmPackage("small", "1.0.0", "sha512-", hashes))
    monkeypatch.setattr(web, "write_export", lambda folder, name, *_: (folder / name).write_bytes(b"network"))
    (tmp_path / "small/dist").mkdir(parents=True)
    for name, data in files.items():
        (tmp_path / "small" / name).write_bytes(data)
    settings = {"model": "tiny", "frontend": None, "dataset_path": "/somewhere/Streets"}
    settings |= ClassDict(["Sky", "Road"], [(1, 2, 3), (4, 5, 6)]).to_dict()
    inputs = BundleInputs(tmp_path / "net.keras", [noise_image(0)], "noise", str(tmp_path / "small"))
    web.check(settings, inputs)
    page = tmp_path / "page"
    page.mkdir()
    web.write_bundle(page, None, settings, ExportOptions("web", (64, 96)), inputs)
    names = {path.relative_to(page).as_posix() for path in page.rglob("*") if path.is_file()}
    own = {"index.html", "style.css", "app.js", "pixels.js", "worker.js", "model.json", "README.txt"}
    assert names == own | {"model.onnx.gz", "runtime/ort.js", "runtime/ort.wasm.gz"}
    described = json.loads((page / "model.json").read_text())
    assert described["size"] == [64, 96] and described["sample"] is None and "Streets" in described["title"]
    assert "somewhere" not in (page / "model.json").read_text()
    assert described["classes"] == [{"name": "Sky", "color": [1, 2, 3]}, {"name": "Road", "color": [4, 5, 6]}]
    assert f"cd {page}" in web.hint(page) and "dataset" not in web.hint(page)
    with pytest.raises(UsageError, match="--bands"):
        web.check({**settings, "input_channels": 4}, inputs)
