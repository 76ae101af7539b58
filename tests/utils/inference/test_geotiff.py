import importlib.util

import numpy as np
import pytest

from tests.utils.data.tiff_files import samples_of, tiff_bytes
from utils import notices
from utils.data import tiff
from utils.errors import RunError
from utils.inference.geotiff import can_write_geotiff, class_tags, is_geotiff, write_geotiff

COLORS = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
TAGS = [(34735, "H", [1, 1, 0, 1])]


def save(path, tags=()):
    path.write_bytes(tiff_bytes(samples_of("u1", 3, 40, 50), 2, tags=tags))
    return path


def test_geotiffs_are_recognized_by_their_tags(tmp_path):
    assert is_geotiff(save(tmp_path / "a.tif", TAGS)) and not is_geotiff(save(tmp_path / "b.tif"))
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(b"\x89PNG" + bytes(40))
    assert not any(is_geotiff(tmp_path / name) for name in ("empty.tif", "c.png", "missing.tif"))


def test_a_lost_georeference_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    monkeypatch.setattr(tiff.importlib.util, "find_spec", lambda name: None)
    path = save(tmp_path / "a.tif", TAGS)
    assert (
        not can_write_geotiff(path) and not can_write_geotiff(path) and not can_write_geotiff(save(tmp_path / "b.tif"))
    )
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and "georeference" in text and "pip install rasterio" in text


@pytest.mark.skipif(importlib.util.find_spec("rasterio") is None, reason="rasterio is not installed")
@pytest.mark.parametrize("with_points", [False, True])
def test_place_colors_and_names_are_written(tmp_path, with_points):
    import rasterio
    from rasterio.control import GroundControlPoint
    from rasterio.transform import from_origin

    points = [GroundControlPoint(r, c, 500000 + c, 4600000 - r) for r, c in ((0, 0), (0, 50), (40, 0), (40, 50))]
    place = {"gcps": points} if with_points else {"transform": from_origin(500000, 4600000, 0.5, 0.5)}
    source, result = tmp_path / "a.tif", tmp_path / "a_pred.tif"
    with rasterio.open(source, "w", "GTiff", 50, 40, 3, "EPSG:32633", dtype="uint8", **place) as file:
        file.write(np.zeros((3, 40, 50), np.uint8))
    assert can_write_geotiff(source)
    indices = np.random.default_rng(0).integers(0, 3, (40, 50), np.uint8)
    write_geotiff(result, indices, source, "class index", COLORS, class_tags(["Sky", "Street", "Ünïcode"]))
    with rasterio.open(source) as before, rasterio.open(result) as after:
        assert after.transform == before.transform and after.crs == before.crs
        assert len(after.gcps[0]) == len(before.gcps[0]) and after.gcps[1] == before.gcps[1]
        assert after.dtypes == ("uint8",) and np.array_equal(after.read(1), indices)
        colormap = after.colormap(1)
        assert [colormap[index][:3] for index in range(256)] == [tuple(color) for color in COLORS.tolist()]
        assert after.tags()["CLASS_2"] == "Ünïcode"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "a_pred.tif"]


def test_a_result_that_cannot_be_written_is_named(tmp_path):
    pytest.importorskip("rasterio")
    source, result = save(tmp_path / "a.tif", TAGS), tmp_path / "missing" / "a_pred.tif"
    with pytest.raises(RunError, match="cannot write .*a_pred.tif"):
        write_geotiff(result, np.zeros((40, 50), np.uint8), source, "class index", COLORS)
