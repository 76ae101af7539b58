"""Tiny datasets in the formats of annotation tools, each with the same three labels: a road, and a car on it.

`WRITERS` maps a name to `(format, write)`, where `write(folder)` draws the dataset as the tool writes it.
"""

import base64
import itertools
import json
import pathlib

import numpy as np
from PIL import Image

from tools import convert_dataset
from utils.data.folder import list_pairs, read_classes
from utils.data.labels import read_label

SIZE = (8, 10)  # height, width
NAMES = ("a", "b", "c")
SPLITS = ("train", "val", "test")  # of a, b and c, where the format has splits
COLORS = {"background": (0, 0, 0), "road": (128, 64, 128), "car": (0, 0, 142)}
ROAD = [(0, 4), (10, 4), (10, 8), (0, 8)]
CAR = [(2, 5), (5, 5), (5, 7), (2, 7)]


def convert(format, source, target, *flags):
    """Converts a dataset from the command line: its `ClassDict`, and its labels by `split/name`."""
    flags = ["--format", format, "--source", str(source), "--target", str(target), *flags]
    assert convert_dataset.main(flags) == 0
    classes, labels = read_classes(target), {}
    for split in SPLITS:
        for pair in list_pairs(target, split) if (target / split).is_dir() else ():
            labels[f"{split}/{pair.name}"] = read_label(pair.label, classes)
    return classes, labels


def by_name(labels):
    """Labels by name alone, where the splits are random."""
    return {name.split("/")[1]: label for name, label in labels.items()}


def refused(format, source, target, *flags):
    """Converts a dataset that is refused: the exit code."""
    try:
        return convert_dataset.main(["--format", format, "--source", str(source), "--target", str(target), *flags])
    except SystemExit as end:
        return end.code


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


def roboflow_masks(folder):
    for name, part in zip(NAMES, ("train", "valid", "test")):
        photo(folder / part / f"{name}.jpg")
        save(folder / part / f"{name}_mask.png", values())
        text(folder / part / "_classes.csv", "Pixel Value, Class\n0, background\n1, road\n2, car\n")


def camvid(folder):
    for name in NAMES:
        photo(folder / "701_StillsRaw_full" / f"0001TP_{name}.png")
        save(folder / "LabeledApproved_full" / f"0001TP_{name}_L.png", colored())
    text(folder / "label_colors.txt", "".join(f"{r} {g} {b}\t\t{name}\n" for name, (r, g, b) in COLORS.items()))


def camvid_cvat(folder):
    for name in NAMES:
        photo(folder / "default" / f"{name}.jpg")
        save(folder / "defaultannot" / f"{name}.png", colored())
    text(folder / "label_colors.txt", "".join(f"{r} {g} {b} {name}\n" for name, (r, g, b) in COLORS.items()))
    text(folder / "default.txt", "".join(f"/default/{name}.jpg /defaultannot/{name}.png\n" for name in NAMES))


def cvat_masks(folder):
    for name in NAMES:
        photo(folder / "JPEGImages" / f"{name}.jpg")
        save(folder / "SegmentationClass" / f"{name}.png", colored())
        save(folder / "SegmentationObject" / f"{name}.png", colored())
    text(folder / "ImageSets" / "Segmentation" / "default.txt", "".join(f"{name}\n" for name in NAMES))
    rows = "".join(f"{name}:{r},{g},{b}::\n" for name, (r, g, b) in COLORS.items())
    text(folder / "labelmap.txt", f"# label:color_rgb:parts:actions\n{rows}")


def coco_panoptic(folder):
    numbers = values().astype(int) + 1
    categories = [{"id": n + 1, "name": name, "isthing": 1, "supercategory": "s"} for n, name in enumerate(COLORS)]
    for name, split in zip(NAMES, SPLITS):
        photo(folder / f"{split}2018" / f"{name}.jpg")
        stem = f"panoptic_{split}2018"
        save(folder / "annotations" / stem / f"{name}.png", np.stack([numbers, 0 * numbers, 0 * numbers], -1))
        segments = [{"id": n + 1, "category_id": n + 1, "iscrowd": 0, "area": 1} for n in range(3)]
        rows = [{"image_id": 139, "file_name": f"{name}.png", "segments_info": segments}]
        images = [{"id": 139, "file_name": f"{name}.jpg", "height": SIZE[0], "width": SIZE[1]}]
        text(folder / "annotations" / f"{stem}.json", {"images": images, "annotations": rows, "categories": categories})


def cityscapes(folder):
    for split in ("train", "val"):
        photo(folder / "leftImg8bit" / split / "ulm" / "ulm_0_0_leftImg8bit.png")
        save(folder / "gtFine" / split / "ulm" / "ulm_0_0_gtFine_labelIds.png", values() + 7)


def ade20k(folder):
    for part in ("training", "validation"):
        photo(folder / "images" / part / "a.jpg")
        save(folder / "annotations" / part / "a.png", values())
    lines = [f"{number}\t0.1\t1\t1\tthing {number}, other name" for number in range(1, 151)]
    text(folder / "objectInfo150.txt", "\n".join(["Idx\tRatio\tTrain\tVal\tName", *lines]))


def coco_stuff(folder):
    for split in ("train", "val"):
        photo(folder / "images" / f"{split}2017" / "a.jpg")
        save(folder / "stuffthingmaps" / f"{split}2017" / "a.png", values())


def mapillary(folder):
    labels = [
        {"name": f"a--{name}", "readable": name, "color": list(COLORS[name]), "evaluate": True} for name in COLORS
    ]
    text(folder / "config_v1.2.json", {"labels": labels, "version": "1.2"})
    for part in ("training", "validation"):
        photo(folder / part / "images" / "a.jpg")
        save(folder / part / "v1.2" / "labels" / "a.png", values())


def voc(folder):
    for name, split in (("a", "train"), ("b", "val")):
        photo(folder / "JPEGImages" / f"{name}.jpg")
        save(folder / "SegmentationClass" / f"{name}.png", values())
        text(folder / "ImageSets" / "Segmentation" / f"{split}.txt", f"{name}\n")


def masks(folder):
    for name in NAMES:
        photo(folder / "images" / f"{name}.jpg")
        save(folder / "masks" / f"{name}.png", values())


# With the classes of the dataset, or without names of classes.
OFFICIAL = {
    "cityscapes": ("cityscapes", cityscapes),
    "ade20k": ("ade20k", ade20k),
    "coco_stuff": ("coco_stuff", coco_stuff),
    "mapillary": ("mapillary", mapillary),
    "voc": ("voc", voc),
    "folder": ("folder", masks),
}

WRITERS = {
    "labelme": ("labelme", labelme),
    "labelme_inside": ("labelme", lambda folder: labelme(folder, inside=True)),
    "cvat": ("cvat", cvat),
    "cvat_project": ("cvat", cvat_project),
    "cvat_frames": ("cvat", cvat_frames),
    "cvat_video": ("cvat", cvat_video),
    "coco": ("coco", coco),
    "coco_roboflow": ("coco", coco_roboflow),
    "coco_label_studio": ("coco", coco_label_studio),
    "yolo": ("yolo", yolo),
    "yolo_roboflow": ("yolo", yolo_roboflow),
    "roboflow_masks": ("roboflow_masks", roboflow_masks),
    "camvid": ("camvid", camvid),
    "camvid_cvat": ("camvid", camvid_cvat),
    "cvat_masks": ("voc", cvat_masks),
    "coco_panoptic": ("coco_panoptic", coco_panoptic),
}
