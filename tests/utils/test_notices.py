import threading

from utils import notices


def test_each_subject_is_told_once(monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    threads = [threading.Thread(target=notices.tell_once, args=("bands", f"{n}.tif has 4")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notices.tell_once("pages", "a.tif has 3 pages")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 2 and lines[0].endswith(".tif has 4") and lines[1] == "note: a.tif has 3 pages"
