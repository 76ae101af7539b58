"""The command analyse_dataset.py: statistics, problems, duplicates, and the report."""

import base64
import html
import html.parser
import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import tiff_bytes
from tools import analyse_dataset

COLORS = np.array([(128, 0, 0), (0, 128, 0), (0, 0, 128)], np.uint8)  # road, car, lamp


@pytest.fixture
def dataset(tmp_path):
    """Three training, two validation and one test image of 16x24 pixels; only the first one has a lamp of 2x3."""
    folder, generator = tmp_path / "Town", np.random.default_rng(0)
    for number, split in enumerate(("train", "train", "train", "val", "val", "test")):
        for kind in (split, f"{split}_labels"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        label = np.zeros((16, 24), np.uint8)
        label[:4] = 1
        label[10:12, 20:23] = 2 if number == 0 else 0
        pixels = cv2.resize(generator.integers(0, 256, (4, 6, 3), np.uint8), (24, 16), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(pixels).save(folder / split / f"{number}.png")
        Image.fromarray(COLORS[label]).save(folder / f"{split}_labels" / f"{number}_L.png")
    (folder / "class_dict.csv").write_text("name,r,g,b\nroad,128,0,0\ncar,0,128,0\nlamp,0,0,128\n")
    return folder


def analyse(folder, *flags):
    """The values and the report's text."""
    output = folder.parent / "report"
    flags = ["--dataset", str(folder), "--output_dir", str(output), "--json", str(output.parent / "v.json"), *flags]
    assert analyse_dataset.main(flags) == 0
    return json.loads((output.parent / "v.json").read_text()), (output / "report.html").read_text(encoding="utf-8")


def problems(values, kind):
    return [problem["what"] for problem in values["faults"] if problem["kind"] == kind]


class Tags(html.parser.HTMLParser):
    """Fails where a tag is closed that is not the last one opened."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_sound_dataset(dataset, capsys):
    values, text = analyse(dataset)
    assert values["faults"] == []
    train = values["splits"]["train"]
    assert train["class_pixels"] == {"road": 3 * 288 - 6, "car": 3 * 96, "lamp": 6} and train["sizes"] == {"24x16": 3}
    assert train["class_images"] == {"road": 3, "car": 3, "lamp": 1} and values["splits"]["test"]["images"] == 1
    # Frequencies: lamp's is over its one image of 384 pixels.
    weights = np.median([858 / 1152, 0.25, 6 / 384]) / [858 / 1152, 0.25, 6 / 384]
    assert list(values["median_frequency_weights"].values()) == pytest.approx(weights, rel=1e-4)
    assert "not in val, so it cannot be scored there: lamp" in values["notes"]
    out = capsys.readouterr().out
    assert "Town: 3 train, 2 val, 1 test images, sizes 24x16" in out and "problems: none" in out
    assert "rarest: lamp 0.26 %" in out
    tags = Tags()
    tags.feed(text)
    assert tags.open == [] and not re.search(r'(src|href)="(?!data:)', text)
    images = [cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1) for data in
                re.findall(r"data:image/png;base64,([^\"]+)", text)]  # fmt: skip
    assert len(images) == 4 and all(image is not None for image in images)  # the chart and three classes


def test_all_problems_are_in_the_report(dataset, capsys):
    (dataset / "train" / "1.png").write_bytes(b"damaged")
    (dataset / "train_labels" / "2_L.png").unlink()
    (dataset / "val_labels" / "stray_L.png").write_bytes((dataset / "val_labels" / "3_L.png").read_bytes())
    Image.new("RGB", (5, 7), (0, 128, 0)).save(dataset / "val_labels" / "4_L.png")
    label = np.array(Image.open(dataset / "val_labels" / "3_L.png"))
    label[0, :5], label[1, :2] = (1, 2, 3), (9, 9, 9)
    Image.fromarray(label).save(dataset / "val_labels" / "3_L.png")
    Image.open(dataset / "train" / "0.png").save(dataset / "test" / "copy.bmp")
    (dataset / "test_labels" / "copy.png").write_bytes((dataset / "train_labels" / "0_L.png").read_bytes())
    values, text = analyse(dataset)
    assert ["1.png" in problem for problem in problems(values, "unreadable")] == [True]
    assert len(problems(values, "files")) == 2 and len(problems(values, "sizes")) == 1
    assert "24x16 but its label is 5x7" in problems(values, "sizes")[0]
    assert "train/0.png = test/copy.bmp" in problems(values, "leaks")[0]
    assert list(values["unknown_colors"].values()) == [{"(1, 2, 3)": 5, "(9, 9, 9)": 2}]
    assert values["splits"]["val"]["unknown_pixels"] == 7 and values["splits"]["val"]["ignored_pixels"] == 0
    for problem in values["faults"]:
        assert html.escape(problem["what"]) in text
    assert "problems: 2 files, 1 unreadable, 1 unknown colors, 1 sizes, 1 leaks" in capsys.readouterr().out


def test_without_classes_and_labels(dataset):
    (dataset / "class_dict.csv").unlink()
    values, text = analyse(dataset)
    assert "has no class_dict.csv" in problems(values, "classes")[0] and "Sizes" in text
    for path in dataset.iterdir():
        path.rename(path.with_name(f"old_{path.name}"))
    values, text = analyse(dataset)
    assert values["splits"] == {} and len(problems(values, "files")) == 4


def test_ignored_pixels_and_repeated_images(dataset, capsys):
    Image.fromarray(np.full((16, 24), 255, np.uint8)).save(dataset / "train_labels" / "1_L.png")
    (dataset / "train" / "2.png").write_bytes((dataset / "train" / "1.png").read_bytes())
    values, _ = analyse(dataset)
    assert values["splits"]["train"]["ignored_pixels"] == 384 and values["faults"] == []
    assert "1 images of train repeat another one of train" in values["notes"]
    assert "16.67 % of the pixels ignored" in capsys.readouterr().out


def test_near_duplicates(dataset, capsys):
    image = np.array(Image.open(dataset / "train" / "0.png")).astype(int)
    Image.fromarray(np.clip(image + 3, 0, 255).astype(np.uint8)).save(dataset / "val" / "3.png")
    values, _ = analyse(dataset)
    assert values["near_duplicates"] is None
    values, text = analyse(dataset, "--near_duplicates", "--pictures", "0")
    assert [[path[-9:] for path in pair[1:]] for pair in values["near_duplicates"]] == [["ain/0.png", "val/3.png"]]
    assert "train/0.png and val/3.png" in text and text.count("data:image") == 2


def test_standard_output_is_for_the_values_alone(dataset, capsys, monkeypatch):
    monkeypatch.chdir(dataset.parent)
    assert analyse_dataset.main(["--dataset", "Town", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["dataset"] == "Town" and "Report: analysis/Town/report.html" in captured.err


def test_no_dataset(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        analyse_dataset.main(["--dataset", str(tmp_path / "gone")])
    assert end.value.code == 2 and "no dataset" in capsys.readouterr().err


def test_labels_that_can_be_read_in_two_ways(dataset, capsys):
    (dataset / "class_dict.csv").write_text("name,r,g,b\nroad,0,0,0\nlamp,255,0,0\n")
    for path in dataset.glob("*_labels/*.png"):
        Image.fromarray(np.repeat([[0, 255]], 16, axis=0).repeat(12, axis=1).astype(np.uint8)).save(path)
    values, _ = analyse(dataset)
    text = capsys.readouterr().out
    assert "two ways" in text and "--label_format binary" in text and len(problems(values, "labels")) == 1
    analyse(dataset, "--label_format", "binary")
    text = capsys.readouterr().out
    assert "labels: black and white masks" in text and "problems: none" in text


def test_bands_and_depth_are_those_of_the_flags(dataset, tmp_path, capsys):
    for split in ("train", "val", "test"):
        for path in (dataset / split).iterdir():
            bands = np.random.default_rng(int(path.stem)).integers(0, 3000, (16, 24, 4)).astype(np.uint16)
            path.unlink()
            path.with_suffix(".tif").write_bytes(tiff_bytes(bands, 1, (0, 0, 0)))
    values, _ = analyse(dataset, "--bands", "4,1")
    assert values["faults"] == [] and any("16-bit, scaled from" in note for note in values["notes"])
    values, _ = analyse(dataset, "--bands", "5")
    assert len([text for text in problems(values, "unreadable") if "has 4 bands, not the band 5" in text]) == 6


def test_labels_of_turned_photos_that_no_size_tells_are_a_problem(dataset):
    exif = Image.Exif()
    exif[0x0112] = 3
    path = dataset / "train" / "0.png"
    with Image.open(path) as image:
        image.copy().save(path, exif=exif)
    values, _ = analyse(dataset)
    assert len(problems(values, "orientation")) == len(values["faults"]) == 1
    assert analyse(dataset, "--image_orientation", "upright")[0]["faults"] == []
