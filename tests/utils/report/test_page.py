"""The page: its data, its HTML, and its work in a browser without network."""

import json
import re

import numpy as np
import pytest
from chromium import open_page
from tiny_report import evaluated

from utils.class_dict import ClassDict
from utils.report import report_data, write_report
from utils.report.page import render

LOG = [
    {"epoch": e, "loss": 1 / (e + 1), "val_mean_iou": e / 10 if e % 2 else None, "val_iou_Sky": 0.5} for e in range(6)
]


@pytest.fixture(scope="module")
def data(streets):
    class_dict, _, evaluation, collector = evaluated(streets)
    scores, matrix = evaluation.confusion.result(2.5), evaluation.confusion.matrix
    about = {"network": "tiny", "command": "python test.py --report", "empty": None}
    images = collector.images()
    for image, value in zip(images, (1.0, 50.0, 3.0, 2.0, 0.0)):
        image["suspicion"] = value
    return report_data("Tiny & <small>", about, scores, matrix, class_dict, collector.measures(), images, LOG)


@pytest.fixture(scope="module")
def page(data, tmp_path_factory):
    """The page from its file, in a window of a desktop."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(path, data)
    with open_page(path) as opened:
        yield opened


def embedded(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S).group(1))


def test_data_is_in_the_file(data):
    html = render(data)
    assert embedded(html) == json.loads(json.dumps(data))
    assert "<title>Tiny &amp; &lt;small></title>" in html and "{{" not in html
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", html)


def test_names_cannot_end_the_script():
    names = ["</script><b>", "<!--"]
    class_dict = ClassDict(names, [[0, 0, 0], [9, 9, 9]])
    scores = {"class_iou": dict.fromkeys(names), "class_accuracy": dict.fromkeys(names)}
    html = render(report_data("t", {}, scores, np.zeros((2, 2), int), class_dict))
    assert [entry["name"] for entry in embedded(html)["classes"]] == names


def test_shares_and_border_scores(data):
    pixels = np.array(data["confusion"]).sum(axis=1)
    assert [entry["share"] for entry in data["classes"]] == pytest.approx(pixels / pixels.sum())
    assert "border_iou" in data["classes"][0] and "empty" not in data["about"]


def names(page):
    return page.run("[...document.querySelectorAll('.gallery .text span:first-child')].map(e => e.textContent)")


def choose(page, label, value):
    """Chooses an entry of a select by its label."""
    page.run(
        f"(l => {{ const s = l.querySelector('select'); s.value = {json.dumps(value)};"
        " s.dispatchEvent(new Event('change')) })"
        f"([...document.querySelectorAll('#images label')].find(l => l.firstChild.textContent === {json.dumps(label)}))"
    )


def test_all_sections_appear_without_request_and_error(page, data):
    assert page.run("[...document.querySelectorAll('main section')].filter(s => !s.hidden).map(s => s.id)") == [
        *("summary", "training", "classes", "confusion", "details", "images")
    ]
    assert page.run("document.querySelector('h1').textContent") == "Tiny & <small>"
    text = page.run("document.querySelector('#summary').innerText")
    assert f"{100 * data['scores']['mean_iou']:.2f} %" in text and "python test.py --report" in text
    assert page.run("document.querySelectorAll('#classes tbody tr').length") == len(data["classes"])
    assert page.run("document.querySelectorAll('.matrix td').length") == len(data["classes"]) ** 2
    assert page.run("document.querySelectorAll('#training path').length") == 3  # loss, mean IoU, Sky
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.errors == [] and page.requests == []


def test_images_are_sorted_and_filtered(page, data):
    by = {image["name"]: image for image in data["images"]}
    choose(page, "sort by", "suspicion")
    assert names(page)[:3] == sorted(by, key=lambda name: -by[name]["suspicion"])[:3]
    choose(page, "sort by", "name")
    assert names(page) == sorted(by)
    assert page.run("document.querySelector('.more').offsetHeight") == 0  # all images are shown
    index = data["images"][0]["truth"][-1]
    choose(page, "class", str(index))
    choose(page, "sort by", "worst")
    with_class = [name for name in by if index in by[name]["class_iou"]]
    found = names(page)
    assert sorted(found) == sorted(with_class)
    ious = [by[name]["class_iou"][index] for name in found]
    assert ious == sorted(ious)
    choose(page, "class", "")
    assert page.errors == []


def test_classes_are_sorted_by_a_click(page, data):
    page.click("#classes thead th:nth-child(2) button")
    first = page.run("document.querySelector('#classes tbody th').textContent")
    assert first == max(data["classes"], key=lambda entry: entry["iou"] or -1)["name"]
    assert page.run("document.querySelector('#classes th:nth-child(2)').getAttribute('aria-sort')") == "descending"


def test_confusion_is_read_with_the_keyboard(page, data):
    page.run("document.querySelector('.matrix td').focus()")
    page.press("ArrowRight")
    page.press("ArrowDown")
    said = page.run("document.querySelector('.said').textContent")
    row, name = data["confusion"][1], data["classes"][1]["name"]
    assert said.startswith(f"{100 * row[1] / sum(row):.1f} % of {name} is predicted as {name}")


def test_viewer_compares_layers_pixel_by_pixel(page, data):
    choose(page, "sort by", "name")
    page.click(".gallery li button")
    page.wait_for("document.querySelector('#viewer').open && document.querySelector('.tag').textContent === 'truth'")
    page.run("document.querySelector('#viewer input[type=range]').focus()")
    before = float(page.run("document.activeElement.value"))
    page.press("ArrowRight")
    clip = page.run("document.querySelectorAll('.stage canvas')[1].style.clipPath")
    assert float(re.search(r"inset\(0(?:px)? ([\d.]+)%", clip).group(1)) == pytest.approx(100 * (1 - before - 0.01))
    # The layer "truth" at full opacity has the colors of the classes, pixel by pixel.
    page.run(
        "viewer.opacity = 1; const s = document.querySelector('#viewer select'); s.dispatchEvent(new Event('change'))"
    )
    shown = page.wait_for(
        "(c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data])"
        "(document.querySelectorAll('.stage canvas')[1])"
    )
    found = {tuple(color) for color in np.array(shown).reshape(-1, 4)[:, :3].tolist()}
    image = sorted(data["images"], key=lambda image: image["name"])[0]
    expected = {tuple(data["classes"][index]["color"]) for index in image["truth"]}
    assert expected <= found <= expected | {tuple(data["ignored"]["color"])}
    title = page.run("document.querySelector('#viewer h3').textContent")
    page.run("document.querySelector('#viewer button').focus()")
    page.press("ArrowRight")
    page.wait_for(f"document.querySelector('#viewer h3').textContent !== {json.dumps(title)}")
    page.press("Escape")
    page.wait_for("!document.querySelector('#viewer').open")
    assert page.errors == [] and page.requests == []


def test_theme_and_phone(page):
    theme = page.run("document.documentElement.dataset.theme")
    page.click("#theme")
    assert page.run("document.documentElement.dataset.theme") != theme
    page.resize(390, 844)
    assert page.run("document.documentElement.scrollWidth") <= 390


def test_a_page_of_scores_alone(data, tmp_path):
    write_report(tmp_path / "report.html", {**data, "measures": {}, "images": [], "log": []})
    with open_page(tmp_path / "report.html", 390, 844) as page:
        shown = page.run("[...document.querySelectorAll('main section')].filter(s => !s.hidden).map(s => s.id)")
        assert shown == ["summary", "classes", "confusion"] and not page.errors


def test_images_below_the_window_are_drawn_too_for_a_printed_page(data, tmp_path):
    write_report(tmp_path / "report.html", data)
    with open_page(tmp_path / "report.html", 500, 200) as page:
        assert page.run("document.querySelector('.gallery').getBoundingClientRect().top > innerHeight + 300")
        page.wait_for(
            "[...document.querySelectorAll('.gallery canvas')].every("
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.every((v, i) => i % 4 < 3 || v))"
        )
        assert page.run("document.querySelectorAll('.gallery canvas').length") == len(data["images"])
        assert page.errors == []
