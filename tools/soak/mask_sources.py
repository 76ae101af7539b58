"""Tiny datasets of masks in many layouts, and `WRITERS` and `OFFICIAL`, the tables of all tiny datasets.

They map a name to `(format, write)`, where `write(folder)` draws the dataset as the tool writes it.
"""

import numpy as np

from tools.soak import sources
from tools.soak.sources import COLORS, NAMES, SIZE, SPLITS, colored, photo, save, text, values


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
    "labelme": ("labelme", sources.labelme),
    "labelme_inside": ("labelme", lambda folder: sources.labelme(folder, inside=True)),
    "cvat": ("cvat", sources.cvat),
    "cvat_project": ("cvat", sources.cvat_project),
    "cvat_frames": ("cvat", sources.cvat_frames),
    "cvat_video": ("cvat", sources.cvat_video),
    "coco": ("coco", sources.coco),
    "coco_roboflow": ("coco", sources.coco_roboflow),
    "coco_label_studio": ("coco", sources.coco_label_studio),
    "yolo": ("yolo", sources.yolo),
    "yolo_roboflow": ("yolo", sources.yolo_roboflow),
    "roboflow_masks": ("roboflow_masks", roboflow_masks),
    "camvid": ("camvid", camvid),
    "camvid_cvat": ("camvid", camvid_cvat),
    "cvat_masks": ("voc", cvat_masks),
    "coco_panoptic": ("coco_panoptic", coco_panoptic),
}
