"""Names that lead out of a folder, in every dataset format, predict.py, test.py's results and get_camvid.py."""

import os
import pathlib
import shutil

import numpy as np
import pytest
import tiny_sources

from tools import get_camvid
from tools.datasets.checksums import Checksums
from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.evaluation.result_folder import result_path
from utils.inference.drawing import Painter
from utils.inference.loops import predict_images
from utils.inference.results import Results
from utils.progress import Console

# Of each source whose annotations name files: the file, and the text in it that a hostile name replaces.
NAMED = {
    "labelme": ("a.json", "a.jpg"),
    "labelme_inside": ("a.json", "a.jpg"),
    "cvat": ("annotations.xml", "a.jpg"),
    "cvat_project": ("annotations.xml", "a.jpg"),
    "cvat_frames": ("annotations.xml", "frame_000000"),
    "coco": ("annotations/instances_train2017.json", "a.jpg"),
    "coco_roboflow": ("train/_annotations.coco.json", "a_jpg.rf.0123.jpg"),
    "coco_label_studio": ("result.json", r"images\\a.jpg"),
    "coco_panoptic": ("annotations/panoptic_train2018.json", "a.png"),
    "yolo": ("data.yaml", "images/train"),
    "yolo_roboflow": ("data.yaml", "../train/images"),
    "voc": ("ImageSets/Segmentation/train.txt", "a"),
    "cvat_masks": ("ImageSets/Segmentation/default.txt", "a"),
}
HOSTILE = ("../../../secret", "{root}/secret", "sub/../../../secret", "..\\..\\secret", "C:\\secret", "a\0b", "\ud800")
ALL = tiny_sources.WRITERS | tiny_sources.OFFICIAL


@pytest.fixture
def root(tmp_path):
    """A folder with images of secret content above the source and around it."""
    for folder in (tmp_path, tmp_path / "x", tmp_path / "x" / "y"):
        folder.mkdir(exist_ok=True)
        for suffix in (".jpg", ".png", ".PNG"):
            tiny_sources.save(folder / f"secret{suffix}", np.full((*tiny_sources.SIZE, 3), 77))
    return tmp_path


def files(root):
    """The content of all files outside the target."""
    target = root / "x" / "y" / "out"
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_relative_to(target)}


def convert(format, root, *flags):
    """Converts the source: the exit code, after checking that nothing was written or read outside."""
    source, target, before = root / "x" / "y" / "in", root / "x" / "y" / "out", files(root)
    code = tiny_sources.refused(format, source, target, *flags)
    assert files(root) == before
    secrets = {content for path, content in before.items() if path.stem == "secret"}
    return code, [path for path in target.rglob("*") if path.is_file() and path.read_bytes() in secrets]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", NAMED)
def test_names_in_annotations(name, hostile, root, capsys):
    format, write = ALL[name]
    write(root / "x" / "y" / "in")
    path, old = root / "x" / "y" / "in" / NAMED[name][0], NAMED[name][1]
    suffix = pathlib.PurePath(old).suffix
    hostile = hostile.replace("{root}", str(root)) + suffix
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        text = text.replace(f'"{old}"', '"' + hostile.replace("\\", "\\\\").replace("\0", "\\u0000") + '"')
    elif path.suffix == ".xml":
        text = text.replace(f'name="{old}"', f'name="{hostile}"')
    else:
        text = text.replace(f"{old}\n", f"{hostile}\n")
    assert text != path.read_text(encoding="utf-8")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    code, copied = convert(format, root)
    assert code in (0, 2) and not copied
    error = capsys.readouterr().err
    assert (code == 0) == (not error) and len(error.splitlines()) <= 1 and len(error) < 300
    if code == 0:
        assert not list((root / "x" / "y" / "out").rglob("*secret*"))


@pytest.mark.parametrize("name", [name for name in ALL if name != "labelme_inside"])  # that has no image files
def test_symbolic_links_need_a_flag(name, root, capsys):
    format, write = ALL[name]
    source = root / "x" / "y" / "in"
    write(source)
    kinds = (".jpg", ".png", ".PNG")
    for image in sorted(path for path in source.rglob("*") if path.suffix in kinds):
        place = root / "x" / "y" / "elsewhere" / image.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(image, place)
        image.symlink_to(place)
    assert convert(format, root) == (2, [])
    error = capsys.readouterr().err
    assert "out of --source by a symbolic link; pass --follow_links" in error and error.count("\n") == 1
    assert not (root / "x" / "y" / "out").exists()
    assert convert(format, root, "--follow_links")[0] == 0


@pytest.mark.skipif(os.name == "nt", reason="file systems of Windows have no such names")
@pytest.mark.parametrize(
    "stem, problem",
    [(b"\xff\xe9", None), (b"a\nb", "has control characters"), (b"a\\b", "has slashes"), (b" ", "is empty")],
)
def test_names_of_files(stem, problem, root, capsys):
    source = root / "x" / "y" / "in"
    ALL["folder"][1](source)
    for path in (source / "images" / "a.jpg", source / "masks" / "a.png"):
        path.rename(path.with_name(os.fsdecode(stem + path.suffix.encode())))
    assert convert("folder", root)[0] == (2 if problem else 0)
    error = capsys.readouterr().err
    assert f"{problem}; rename the file" in error and error.count("\n") == 1 if problem else not error


def test_links_in_the_target(root):
    tiny_sources.labelme(root / "x" / "y" / "in")
    target = root / "x" / "y" / "out"
    assert convert("labelme", root)[0] == 0
    shutil.rmtree(target / "train")
    (target / "train").symlink_to(root / "x")
    assert convert("labelme", root) == (2, [])


@pytest.mark.parametrize("name", ("../escape", "a/../../escape", "a\nb"))
def test_names_of_predictions(name, tmp_path):
    painter = Painter(ClassDict(["a", "b"], [(0, 0, 0), (1, 1, 1)]))
    tiny_sources.photo(tmp_path / "in.png")
    results = Results(tmp_path / "out", painter, Console("plain"))
    errors = predict_images(
        lambda inputs: [(path, np.zeros(image.shape[:2], np.uint8)) for path, image in inputs],
        {tmp_path / "in.png": pathlib.Path(name)},
        results,
    )
    assert len(errors) == 1 and "in.png: the name" in errors[0]
    assert [path.name for path in tmp_path.rglob("*")] == ["in.png"]


@pytest.mark.parametrize("name", ("../../evil.png", "/etc/evil.png", "..\\..\\evil.png", "C:\\evil.png", "..png"))
def test_names_in_lists_of_downloads(name, tmp_path, monkeypatch):
    lists = {f"u/{split}.txt": f"/x/{name} /y/{name}\n".encode() for split in get_camvid.COUNTS}
    monkeypatch.setattr(get_camvid, "COUNTS", dict.fromkeys(get_camvid.COUNTS, 1))
    monkeypatch.setattr(get_camvid, "download", lists.get)
    for job in get_camvid.list_files("u", tmp_path, Checksums(tmp_path)):
        assert job.target.parent.parent == tmp_path and job.target.resolve() == job.target


@pytest.mark.parametrize("model, name", (("../../evil", None), ("custom", "../../../evil"), ("/etc", None)))
def test_names_in_settings(model, name):
    with pytest.raises(UsageError, match="the settings: the name"):
        result_path(None, {"model": model, "name": name}, pathlib.Path("data"))
