"""The CamVid download from a local web server that can be made to misbehave."""

import _thread
import contextlib
import hashlib
import http.server
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools import get_camvid
from tools.datasets import download
from utils.errors import UsageError

WIDTH, HEIGHT = 12, 8
COUNTS = {"train": 3, "val": 1, "test": 2}
FILES = 2 * sum(COUNTS.values())
# Typed again from the paper's table rather than taken from the module, so that a slip there is found.
ROWS = """name,r,g,b
Sky,128,128,128
Building,128,0,0
Pole,192,192,128
Road,128,64,128
Pavement,0,0,192
Tree,128,128,0
SignSymbol,192,128,128
Fence,64,64,128
Car,64,0,128
Pedestrian,64,64,0
Bicyclist,0,128,192
Unlabelled,0,0,0
"""
COLORS = np.array([[int(x) for x in row.split(",")[1:]] for row in ROWS.split()[1:]], np.uint8)


def png(array):
    return cv2.imencode(".png", array)[1].tobytes()


def labels_of(number):
    """(H, W) uint8 with all 12 values, another arrangement for every file."""
    return np.roll(np.arange(HEIGHT * WIDTH, dtype=np.uint8) % 12, number).reshape(HEIGHT, WIDTH)


class Site:
    """Content of the server: `files` by path; `faults` by path, functions of (handler, body, number of the request)."""

    def __init__(self):
        self.files, self.faults, self.requests = {}, {}, Counter()
        random = np.random.default_rng(0)
        for split, count in COUNTS.items():
            names = [f"0001TP_{split}_{index:03d}.png" for index in range(count)]
            lines = [f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n" for name in names]
            self.files[f"/CamVid/{split}.txt"] = "".join(lines).encode()
            for index, name in enumerate(names):
                image = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
                self.files[f"/CamVid/{split}/{name}"] = png(image)
                self.files[f"/CamVid/{split}annot/{name}"] = png(labels_of(index))

    def pngs(self):
        return {path for path in self.files if path.endswith(".png")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        site.requests[self.path] += 1
        body = site.files.get(self.path)
        if self.path in site.faults:
            site.faults[self.path](self, body, site.requests[self.path])
        elif body is None:
            self.send_error(404)
        else:
            self.give(body, len(body))

    def give(self, body, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def broken(handler, body, number):
    """Promises the whole file and hangs up halfway."""
    handler.give(body[: len(body) // 2], len(body))


def busy_twice(handler, body, number):
    handler.give(body, len(body)) if number > 2 else handler.send_error((503, 429)[number - 1])


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(get_camvid, "COUNTS", COUNTS)
    monkeypatch.setattr(get_camvid, "WIDTH", WIDTH)
    monkeypatch.setattr(get_camvid, "HEIGHT", HEIGHT)
    monkeypatch.setattr(download, "RETRY_DELAYS", (0.01, 0.02))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.site = Site()
    server.site.url = f"http://127.0.0.1:{server.server_port}/CamVid"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def output(tmp_path):
    return tmp_path / "datasets" / "CamVid"


def run(site, output, *flags, workers=4):
    """Runs the command line and returns its exit code."""
    try:
        words = ["--output", str(output), "--url", site.url, "--workers", str(workers), "--allow_http", *flags]
        get_camvid.main(words)
    except SystemExit as end:
        return end.code
    return 0


def partial_of(output):
    return output.with_name("CamVid.partial")


def fails(site, output, capsys, *words, flags=()):
    """Checks that a run ends with exit code 1, one line with the `words`, and nothing under the final name."""
    assert run(site, output, *flags) == 1
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.startswith(("libpng", "["))]  # OpenCV's own remarks
    assert len(lines) == 1 and lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert not output.exists()


def test_whole_set(site, output, capsys):
    assert get_camvid.get_camvid(str(output), site.url + "/", workers=3, allow_http=True) == output
    folders = [split + kind for split in COUNTS for kind in ("", "_labels")]
    assert sorted(path.name for path in output.iterdir()) == sorted(folders + ["SHA256SUMS", "class_dict.csv"])
    assert (output / "class_dict.csv").read_text() == ROWS
    assert not partial_of(output).exists()
    for split, count in COUNTS.items():
        names = [f"0001TP_{split}_{index:03d}" for index in range(count)]
        assert sorted(path.name for path in (output / split).iterdir()) == [f"{name}.png" for name in names]
        assert sorted(path.name for path in (output / f"{split}_labels").iterdir()) == [f"{n}_L.png" for n in names]
        for index, name in enumerate(names):
            assert (output / split / f"{name}.png").read_bytes() == site.files[f"/CamVid/{split}/{name}.png"]
            bgr = cv2.imread(str(output / f"{split}_labels" / f"{name}_L.png"), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(bgr[..., ::-1], COLORS[labels_of(index)])
    assert set(site.requests.values()) == {1}
    out = capsys.readouterr().out
    assert "Whether these are the original files was not" in out
    assert "Brostow" in out and "Badrinarayanan" in out and "3 train, 1 val, 2 test" in out


def test_expects_the_real_set():
    assert get_camvid.COUNTS == {"train": 367, "val": 101, "test": 233}
    assert (get_camvid.WIDTH, get_camvid.HEIGHT) == (480, 360)


def test_other_prefixes_and_one_long_line(site, output):
    for split in COUNTS:
        words = site.files[f"/CamVid/{split}.txt"].decode().replace("/SegNet/CamVid", "data").split()
        site.files[f"/CamVid/{split}.txt"] = " ".join(words).encode()
    site.files["/CamVid/val.txt"] = b"val\\0001TP_val_000.png\tvalannot\\0001TP_val_000.png\r\n"
    assert run(site, output) == 0
    assert len(list(output.rglob("*.png"))) == FILES


def test_missing_file_is_not_tried_again(site, output, capsys):
    path = "/CamVid/val/0001TP_val_000.png"
    body = site.files.pop(path)
    fails(site, output, capsys, f"1 of {FILES} files failed", path, "HTTP 404", "again to resume")
    assert site.requests[path] == 1
    assert len(list(partial_of(output).rglob("*.png"))) == FILES - 1  # the others are kept
    site.files[path] = body
    assert run(site, output) == 0


def test_missing_list(site, output, capsys):
    del site.files["/CamVid/val.txt"]
    fails(site, output, capsys, "/CamVid/val.txt", "HTTP 404")
    assert site.requests["/CamVid/val.txt"] == 1


def test_broken_connection_then_resumed(site, output, capsys):
    image, label = "/CamVid/train/0001TP_train_001.png", "/CamVid/testannot/0001TP_test_000.png"
    site.faults = {image: broken, label: broken}
    fails(site, output, capsys, f"2 of {FILES} files failed", "IncompleteRead", "again to resume")
    assert site.requests[image] == site.requests[label] == 3  # transient: both delays were used
    assert [path.name for path in partial_of(output).rglob("*train_001*")] == ["0001TP_train_001_L.png"]
    site.faults.clear()
    site.requests.clear()
    assert run(site, output) == 0
    assert {path for path in site.requests if path.endswith(".png")} == {image, label}
    assert (output / "train" / "0001TP_train_001.png").read_bytes() == site.files[image]


def test_damaged_and_leftover_files_of_a_killed_run(site, output):
    site.faults["/CamVid/val/0001TP_val_000.png"] = broken
    assert run(site, output) == 1
    site.faults.clear()
    partial = partial_of(output)
    kept = partial / "train" / "0001TP_train_000.png"
    kept.write_bytes(kept.read_bytes()[:50])
    (partial / "train_labels" / "0001TP_train_002_L.png").write_bytes(b"")
    (partial / "val" / "0001TP_val_000.png.part").write_bytes(b"half")
    site.requests.clear()
    assert run(site, output) == 0
    assert {path for path in site.requests if path.endswith(".png")} == {
        "/CamVid/train/0001TP_train_000.png",
        "/CamVid/trainannot/0001TP_train_002.png",
        "/CamVid/val/0001TP_val_000.png",
    }
    assert (output / "train" / "0001TP_train_000.png").read_bytes() == site.files["/CamVid/train/0001TP_train_000.png"]
    assert not list(output.rglob("*.part"))


def test_stray_file_in_the_partial_folder(site, output, capsys):
    stray = partial_of(output) / "train" / "0002XX.png"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(site.files["/CamVid/train/0001TP_train_000.png"])
    fails(site, output, capsys, "has 4 PNG files, expected 3")


def flipped(body):
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 255]) + body[middle + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda body: body[:-20], lambda body: b"<html>", lambda body: b""])
@pytest.mark.parametrize("path", ["/CamVid/test/0001TP_test_001.png", "/CamVid/testannot/0001TP_test_001.png"])
def test_not_a_png(site, output, capsys, path, damage):
    site.files[path] = damage(site.files[path])
    fails(site, output, capsys, path, "not a readable PNG")
    assert len(list(partial_of(output).rglob("*.png"))) == FILES - 1


@pytest.mark.parametrize(
    "path, array, words",
    [
        ("test/0001TP_test_001.png", np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8), "13x8 pixels, expected 12x8"),
        ("testannot/0001TP_test_001.png", np.zeros((HEIGHT + 1, WIDTH), np.uint8), "12x9 pixels, expected 12x8"),
        ("testannot/0001TP_test_001.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8), "3 channels, expected 1"),
        ("testannot/0001TP_test_001.png", np.full((HEIGHT, WIDTH), 12, np.uint8), "label value 12, expected 0 to 11"),
    ],
)
def test_wrong_content(site, output, capsys, path, array, words):
    site.files[f"/CamVid/{path}"] = png(array)
    fails(site, output, capsys, path, words)


def first_line_twice(text):
    lines = text.splitlines()
    return "\n".join([lines[0], *lines[:-1]])


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda text: "\n".join(text.splitlines()[1:]), "2 different images and 2 labels, expected 3"),
        (lambda text: text + "/x/extra.png /y/extra.png\n", "4 different images and 4 labels, expected 3"),
        (lambda text: text.rsplit(maxsplit=1)[0], "3 different images and 2 labels, expected 3"),
        (first_line_twice, "2 different images and 3 labels, expected 3"),
        (lambda text: "<html><img src=logo.png></html>", "0 different images and 0 labels, expected 3"),
    ],
)
def test_wrong_list(site, output, capsys, change, words):
    site.files["/CamVid/train.txt"] = change(site.files["/CamVid/train.txt"].decode()).encode()
    fails(site, output, capsys, "train.txt", words)
    assert not [path for path in site.requests if path.endswith(".png")]


def test_busy_server_is_asked_again(site, output):
    paths = ["/CamVid/train.txt", "/CamVid/val/0001TP_val_000.png", "/CamVid/trainannot/0001TP_train_002.png"]
    site.faults = dict.fromkeys(paths, busy_twice)
    assert run(site, output) == 0
    assert [site.requests[path] for path in paths] == [3, 3, 3]
    assert sum(site.requests.values()) == FILES + len(COUNTS) + 6


def test_gives_up_when_nothing_comes(site, output, capsys, monkeypatch):
    monkeypatch.setattr(download, "MAX_FAILURES", 2)
    for path in site.pngs():
        del site.files[path]
    assert run(site, output, workers=1) == 1
    assert f"2 of {FILES} files failed" in capsys.readouterr().err
    assert sum(count for path, count in site.requests.items() if path.endswith(".png")) <= 4


def test_no_server(site, output, capsys):
    with socket.socket() as taken:  # bound but not listening
        taken.bind(("127.0.0.1", 0))
        site.url = f"http://127.0.0.1:{taken.getsockname()[1]}/CamVid"
        fails(site, output, capsys, f"{site.url}/train.txt", "refused", "again to resume")
    assert not output.parent.exists()


def test_certificate_trouble_is_named_and_not_tried_again(site, output, capsys, monkeypatch):
    attempts = []

    def open_url(url, timeout):
        attempts.append(url)
        cause = download.ssl.SSLCertVerificationError(1, "certificate verify failed: unable to get local issuer")
        raise download.urllib.error.URLError(cause)

    monkeypatch.setattr(download.OPENER, "open", open_url)
    fails(site, output, capsys, "certificate verify failed: unable to get local issuer")
    assert len(attempts) == 1


def test_stalled_server(site, output, capsys, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    monkeypatch.setattr(download, "RETRY_DELAYS", (0.01,))
    path, open_url = "/CamVid/val/0001TP_val_000.png", download.OPENER.open

    def patient(url, timeout):  # on a busy machine other files may take longer than the timeout
        return open_url(url, timeout=timeout if url.endswith(path) else 60)

    monkeypatch.setattr(download.OPENER, "open", patient)
    release, came = threading.Event(), threading.Semaphore(0)

    def stall(handler, body, number):
        came.release()
        release.wait(60)

    site.faults[path] = stall
    try:
        fails(site, output, capsys, path, "timed out")
        assert all(came.acquire(timeout=60) for _ in range(2)) and site.requests[path] == 2
    finally:
        release.set()


def test_disk_trouble(site, output, capsys):
    partial_of(output).parent.mkdir()
    partial_of(output).write_text("a file where the folder should be")
    fails(site, output, capsys, "CamVid.partial")


def test_ctrl_c_then_resumed(site, output, capsys):
    path = sorted(site.pngs())[-1]  # with one worker, several files have come by then

    def interrupt(handler, body, number):
        _thread.interrupt_main()
        time.sleep(0.3)
        handler.give(body, len(body))

    site.faults[path] = interrupt
    assert run(site, output, workers=1) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Ctrl-C" in error and "again to resume" in error
    assert not output.exists()
    site.faults.clear()
    already = {key for key, count in site.requests.items() if key.endswith(".png")} - {path}
    assert already
    site.requests.clear()
    assert run(site, output) == 0
    assert not already & set(site.requests)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_script_ends_at_once_on_ctrl_c_though_the_server_stalls(site, output):
    """The real program from a shell: a download that hangs must not hold up Ctrl-C until its time is over."""
    reached, release = threading.Event(), threading.Event()

    def stall(handler, body, number):
        reached.set()
        release.wait(20)

    site.faults["/CamVid/train.txt"] = lambda handler, body, number: handler.give(names, len(names))
    names = "\n".join(f"/a/n{index}.png /b/n{index}.png" for index in range(367)).encode()
    for split, count in (("val", 101), ("test", 233)):
        text = "\n".join(f"/a/n{index}.png /b/n{index}.png" for index in range(count))
        site.files[f"/CamVid/{split}.txt"] = text.encode()
    site.faults["/CamVid/train/n0.png"] = stall
    root = Path(get_camvid.__file__).resolve().parent.parent
    command = [
        sys.executable,
        "tools/get_camvid.py",
        "--output",
        str(output),
        "--url",
        site.url,
        "--workers",
        "1",
        "--allow_http",
    ]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert reached.wait(20)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=15)
    finally:
        process.kill()
        release.set()
    assert process.returncode == 130
    assert time.monotonic() - start < 6
    assert error.startswith("error: stopped by Ctrl-C") and error.count("\n") == 1


def test_nothing_under_the_final_name_until_complete(site, output):
    seen = []

    def look(handler, body, number):
        seen.append(output.exists())
        handler.give(body, len(body))

    site.faults = dict.fromkeys(site.pngs(), look)
    assert run(site, output) == 0
    assert seen == [False] * FILES and output.is_dir()


def test_existing_folder_is_left_alone(site, output, capsys):
    output.mkdir(parents=True)
    (output / "mine.txt").write_text("keep")
    assert run(site, output) == 2
    assert f"error: {output} exists" in capsys.readouterr().err
    assert [path.name for path in output.parent.rglob("*")] == ["CamVid", "mine.txt"] and not site.requests
    with pytest.raises(UsageError):
        get_camvid.get_camvid(output, site.url)


@pytest.mark.parametrize(
    "name, value",
    [("workers", 0), ("workers", 65), ("url", "example.org/CamVid"), ("url", "file:///x"), ("url", "http://a.org")],
)
def test_bad_arguments(output, name, value):
    with pytest.raises(UsageError, match=f"--{name} {value}: expected"):
        get_camvid.get_camvid(output, **{"url": "https://127.0.0.1:9", name: value})


def test_http_needs_a_flag(output):
    with pytest.raises(UsageError, match="begins with https://; --allow_http allows it without encryption"):
        get_camvid.get_camvid(output, url="http://127.0.0.1:9")
    assert not output.parent.exists()


@pytest.mark.parametrize("target, is_allowed", [("http://a.org/x", False), ("https://b.org/x", True)])
def test_redirections_keep_the_encryption(target, is_allowed):
    request, handler = download.urllib.request.Request("https://a.org/x"), download.SecureRedirects()
    headers = {"location": target}
    if is_allowed:
        assert handler.redirect_request(request, None, 302, "Found", headers, target).full_url == target
    else:
        with pytest.raises(download.urllib.error.HTTPError, match="redirects to an address without https"):
            handler.redirect_request(request, None, 302, "Found", headers, target)


def endless(handler, body, number):
    """Sends bytes without end, and without saying how many."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(1 << 16))


def large(handler, body, number):
    """Promises more than a file may have."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()


@pytest.mark.parametrize(
    "fault, words", [(endless, "has more than the 4,194,304 bytes"), (large, "1,099,511,627,776 bytes")]
)
@pytest.mark.parametrize("path", ["/CamVid/val.txt", "/CamVid/val/0001TP_val_000.png"])
def test_bodies_have_a_limit(site, output, capsys, path, fault, words):
    site.faults[path] = fault
    fails(site, output, capsys, path, words)
    assert site.requests[path] == 1


def test_files_that_take_too_long(site, output, capsys, monkeypatch):
    monkeypatch.setattr(download, "LONGEST", -1)
    fails(site, output, capsys, "/CamVid/train.txt takes longer than")
    assert site.requests["/CamVid/train.txt"] == 3


def test_large_images_are_not_decoded(site, output, capsys, monkeypatch):
    path, header = "/CamVid/val/0001TP_val_000.png", b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    body = site.files[path]
    site.files[path] = body[:12] + header + struct.pack(">I", zlib.crc32(header)) + body[33:]
    fails(site, output, capsys, path, "60000x60000 pixels, expected 12x8")


def test_checksums_of_another_download(site, output, tmp_path, capsys):
    assert run(site, output) == 0
    sums, copy = output / "SHA256SUMS", tmp_path / "copy"
    lines = sums.read_text().splitlines()
    assert len(lines) == FILES + len(COUNTS) and [line[66:] for line in lines] == sorted(line[66:] for line in lines)
    path = "/CamVid/valannot/0001TP_val_000.png"
    assert f"{hashlib.sha256(site.files[path]).hexdigest()}  valannot/0001TP_val_000.png" in lines
    capsys.readouterr()
    assert run(site, copy, "--sha256sums", str(sums)) == 0
    assert f"all files have the sums in {sums}" in capsys.readouterr().out
    site.files[path] = png(labels_of(5))
    other = tmp_path / "other"
    fails(site, other, capsys, path, "has the SHA-256 sum", "another file", flags=("--sha256sums", str(sums)))
    assert not list(other.with_name("other.partial").rglob("0001TP_val_000_L.png"))
    assert run(site, other) == 0  # without the sums it is taken
    site.files["/CamVid/train.txt"] += b" "
    fails(site, tmp_path / "third", capsys, "train.txt has the SHA-256 sum", flags=("--sha256sums", str(sums)))
    sums.write_text("".join(f"{line}\n" for line in lines if "valannot" not in line))
    site.files["/CamVid/train.txt"] = site.files["/CamVid/train.txt"][:-1]
    assert run(site, tmp_path / "fourth", "--sha256sums", str(sums)) == 2
    assert "has no sum of 1 files, such as valannot/0001TP_val_000.png" in capsys.readouterr().err


def test_a_resumed_download_is_compared_too(site, output, tmp_path, capsys):
    sums, other = tmp_path / "sums", output.with_name("other")
    assert run(site, other) == 0
    sums.write_text((other / "SHA256SUMS").read_text())
    changed = "/CamVid/valannot/0001TP_val_000.png"
    body, site.files[changed] = site.files[changed], png(labels_of(7))
    site.faults["/CamVid/train/0001TP_train_001.png"] = broken
    assert run(site, output) == 1  # has taken the changed file
    site.faults.clear()
    site.files[changed] = body
    site.requests.clear()
    assert run(site, output, "--sha256sums", str(sums)) == 0
    wanted = {changed, "/CamVid/train/0001TP_train_001.png"}
    assert {path for path in site.requests if path.endswith(".png")} == wanted


def test_defect_in_a_thread_keeps_its_traceback(site, output, monkeypatch):
    def defect(image, is_label):
        raise KeyError("a defect")

    monkeypatch.setattr(get_camvid, "problem_of", defect)
    with pytest.raises(KeyError, match="a defect"):
        run(site, output)


def test_progress_shows_files_and_megabytes(site, output, capsys):
    assert not run(site, output)
    assert re.search(r"Files: (\d+)/\1, 0\.\d MB, in", capsys.readouterr().out)
