"""Tiny datasets of shapes in the formats of annotation tools, each with the same labels: a road, and a car on it."""

import base64
import itertools
import json
import pathlib

import numpy as np
from PIL import Image

SIZE = (8, 10)  # height, width
NAMES = ("a", "b", "c")
SPLITS = ("train", "val", "test")  # of a, b and c, where the format has splits
COLORS = {"background": (0, 0, 0), "road": (128, 64, 128), "car": (0, 0, 142)}
ROAD = [(0, 4), (10, 4), (10, 8), (0, 8)]
CAR = [(2, 5), (5, 5), (5, 7), (2, 7)]


def expected():
    """The label, as an array `(H, W)` of class names."""
    label = np.full(SIZE, "background", object)
    label[4:8], label[5:7, 2:5] = "road", "car"
    return label


def values():
    """The label as numbers: 0 background, 1 road, 2 car."""
    numbers = {name: number for number, name in enumerate(COLORS)}
    return np.vectorize(numbers.get)(expected()).astype(np.uint8)


def save(path, pixels):
    """Writes an image file."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def photo(path, size=SIZE):
    """Writes an image."""
    save(path, np.random.default_rng(len(str(path))).integers(0, 255, (*size, 3)))


def text(path, content):
    """Writes a text or JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def colored():
    """The label in colors."""
    return np.array(list(COLORS.values()), np.uint8)[values()]


def labelme(folder, inside=False):
    for name in NAMES:
        photo(folder / f"{name}.jpg")
        shapes = [("road", "polygon", ROAD), ("car", "rectangle", CAR[::2])]
        shapes = [{"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}
                  for label, kind, points in shapes]  # fmt: skip
        data = base64.b64encode((folder / f"{name}.jpg").read_bytes()).decode() if inside else None
        size = {"imageHeight": SIZE[0], "imageWidth": SIZE[1]}
        text(folder / f"{name}.json", {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.jpg",
                                       "imageData": data, **size})  # fmt: skip
        if inside:
            (folder / f"{name}.jpg").unlink()


def cvat_labels(kind="task"):
    rows = [
        f"<label><name>{name}</name><color>#{bytes(COLORS[name]).hex()}</color></label>" for name in ("road", "car")
    ]
    return (f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><{kind}><name>t</name>'
            f"<labels>{''.join(rows)}</labels></{kind}></meta>")  # fmt: skip


def pairs(points):
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in points)


def cvat_shapes():
    box = 'xtl="2.00" ytl="5.00" xbr="5.00" ybr="7.00"'
    road = f'<polygon label="road" source="manual" occluded="0" points="{pairs(ROAD)}" z_order="0"></polygon>'
    return f'<box label="car" source="manual" occluded="0" {box} z_order="1"></box>{road}'


def cvat(folder):
    images = ""
    for number, name in enumerate(NAMES):
        photo(folder / "images" / f"{name}.jpg")
        images += f'<image id="{number}" name="{name}.jpg" width="10" height="8">{cvat_shapes()}</image>'
    text(folder / "annotations.xml", f"{cvat_labels()}{images}</annotations>")


def cvat_project(folder):
    images = ""
    for number, (name, subset) in enumerate(zip(NAMES, ("Train", "Validation", "Test"))):
        photo(folder / "images" / subset / f"{name}.jpg")
        where = f'name="{name}.jpg" subset="{subset}" task_id="39"'
        images += f'<image id="{number}" {where} width="10" height="8">{cvat_shapes()}</image>'
    text(folder / "annotations.xml", f"{cvat_labels('project')}{images}</annotations>")


def cvat_frames(folder):
    images = ""
    for number in range(3):
        photo(folder / "images" / f"frame_{number:06}.PNG")
        images += f'<image id="{number}" name="frame_{number:06}" width="10" height="8">{cvat_shapes()}</image>'
    text(folder / "annotations.xml", f"{cvat_labels()}{images}</annotations>")


def cvat_video(folder):
    """Key frames 0 and 2, so that frame 1 lies between them."""
    tracks = ["", ""]
    for frame in range(3):
        photo(folder / "images" / f"frame_{frame:06}.PNG")
    for frame, move in ((0, -1), (2, 1)):
        state = f'frame="{frame}" keyframe="1" outside="0" occluded="0"'
        sides = f'xtl="{2 + move}.00" ytl="5.00" xbr="{5 + move}.00" ybr="7.00"'
        tracks[0] += f'<polygon {state} points="{pairs(ROAD)}" z_order="0"></polygon>'
        tracks[1] += f'<box {state} {sides} z_order="1"></box>'
    tracks = [f'<track id="{n}" label="{name}" source="manual">{shapes}</track>'
              for n, (name, shapes) in enumerate(zip(("road", "car"), tracks))]  # fmt: skip
    text(folder / "annotations.xml", f"{cvat_labels()}{''.join(tracks)}</annotations>")


def coco_content(file_names, extra=()):
    """Annotations whose car comes first, is a mask in one image and an uncompressed one in another."""
    car = (values() == 2).T.ravel().astype(int)
    runs = [0] * bool(car[0]) + [len(list(group)) for _, group in itertools.groupby(car)]
    flat = [[float(value) for point in points for value in point] for points in (ROAD, CAR)]
    images, annotations = [], []
    for number, name in enumerate(file_names):
        images.append({"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1], "license": 1})
        mask = [[flat[1]], {"size": list(SIZE), "counts": runs}][number % 2]
        for category, segmentation, area in ((2, mask, 6.0), (1, [flat[0]], 40.0)):
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": category, "area": area,
                                "segmentation": segmentation, "bbox": [0, 0, 1, 1], "iscrowd": 0})  # fmt: skip
    categories = [
        {"id": 1, "name": "road", "supercategory": ""},
        {"id": 2, "name": "car", "supercategory": "things"},
    ]
    return {
        "info": {},
        "licenses": [],
        "categories": [*extra, *categories],
        "images": images,
        "annotations": annotations,
    }


def coco(folder):
    for name, part in zip(NAMES, ("train2017", "val2017", "test2017")):
        photo(folder / part / f"{name}.jpg")
        text(folder / "annotations" / f"instances_{part}.json", coco_content([f"{name}.jpg"]))


def coco_roboflow(folder):
    for name, part in zip(NAMES, ("train", "valid", "test")):
        photo(folder / part / f"{name}_jpg.rf.0123.jpg")
        unused = {"id": 0, "name": "things", "supercategory": "none"}
        text(folder / part / "_annotations.coco.json", coco_content([f"{name}_jpg.rf.0123.jpg"], [unused]))


def coco_label_studio(folder):
    for name in NAMES:
        photo(folder / "images" / f"{name}.jpg")
    text(folder / "result.json", coco_content([f"images\\{name}.jpg" for name in NAMES]))


def yolo_line(number, points):
    return " ".join(
        [str(number), *(f"{value / side:.6f}" for point in points for value, side in zip(point, SIZE[::-1]))]
    )


def yolo(folder):
    for name, part in zip(NAMES, SPLITS):
        photo(folder / "images" / part / f"{name}.jpg")
        text(folder / "labels" / part / f"{name}.txt", f"{yolo_line(1, CAR)}\n{yolo_line(0, ROAD)}\n")
    paths = "path: ../datasets/tiny  # dataset root\ntrain: images/train\nval: images/val\ntest: images/test\n"
    text(folder / "data.yaml", f"# example\n{paths}\nnames:\n  0: road\n  1: car\n")


def yolo_roboflow(folder):
    for name, part in zip(NAMES, ("train", "valid", "test")):
        photo(folder / part / "images" / f"{name}.jpg")
        text(folder / part / "labels" / f"{name}.txt", f"{yolo_line(1, CAR)}\n{yolo_line(0, ROAD)}")
    text(folder / "data.yaml", "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\n"
         "names: ['road', 'car']\n\nroboflow:\n  workspace: w\n  version: 1\n")  # fmt: skip
