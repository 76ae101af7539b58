"""Files of an npm package: pinned, cached, verified; a small package from a registry on this machine."""

import hashlib
import io
import pathlib
import tarfile

import pytest
from chromium import serve

from utils.errors import RunError, UsageError
from utils.export.npm_package import NpmPackage, cache_folder, integrity_of, read_package, registry


def archive_of(files):
    """Bytes of an npm archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


FILES = {"dist/a.js": b"one", "dist/b.wasm": b"two"}
ARCHIVE = archive_of(FILES)
HASHES = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
PACKAGE = NpmPackage("small", "1.2.3", integrity_of(ARCHIVE), HASHES)


@pytest.fixture(autouse=True)
def clean(tmp_path, monkeypatch):
    """A cache and a home of the test's own, and no registry."""
    monkeypatch.chdir(tmp_path)
    for variable in ("NPM_CONFIG_REGISTRY", "npm_config_registry", "NPM_CONFIG_USERCONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A registry with the archive; its path."""
    path = tmp_path / "registry" / "small" / "-" / "small-1.2.3.tgz"
    path.parent.mkdir(parents=True)
    path.write_bytes(ARCHIVE)
    with serve(tmp_path / "registry") as url:
        (tmp_path / ".npmrc").write_text(f"fund=false\nregistry={url}/\n//host/:_authToken=x\n")
        yield path


def test_integrity_is_npms_spelling():
    assert integrity_of(b"").startswith("sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvU")


def test_downloaded_once(npm, capsys):
    assert read_package(PACKAGE) == FILES
    assert "Downloading http://127.0.0.1" in capsys.readouterr().out
    npm.unlink()
    assert read_package(PACKAGE) == FILES and not capsys.readouterr().out
    (cache_folder() / "small-1.2.3.tgz").write_bytes(b"cut off")
    with pytest.raises(RunError, match=r"cannot download .*--ort_web PATH \(npm pack small@1\.2\.3"):
        read_package(PACKAGE)


def test_another_archive_is_not_used(npm):
    npm.write_bytes(archive_of({**FILES, "dist/a.js": b"evil"}))
    with pytest.raises(RunError, match="SHA-512 differs"):
        read_package(PACKAGE)
    assert not cache_folder().exists()


def test_archives_and_folders_of_the_user(tmp_path):
    (tmp_path / "own.tgz").write_bytes(archive_of({**FILES, "README": b""}))
    assert read_package(PACKAGE, tmp_path / "own.tgz") == FILES
    (tmp_path / "dist").mkdir()
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    assert read_package(PACKAGE, tmp_path) == FILES
    (tmp_path / "dist/a.js").write_bytes(b"evil")
    with pytest.raises(UsageError, match=r"dist/a\.js is not that of small 1\.2\.3 \(SHA-256 differs\)"):
        read_package(PACKAGE, tmp_path)
    (tmp_path / "dist/a.js").unlink()
    (tmp_path / "other.tgz").write_bytes(archive_of({"dist/a.js": b"one"}))
    (tmp_path / "text.tgz").write_text("no archive")
    for source, words in [
        (".", "has no dist/a.js"),
        ("other.tgz", "b.wasm"),
        ("text.tgz", "no archive"),
        ("nowhere", "no archive"),
    ]:
        with pytest.raises(UsageError, match=words):
            read_package(PACKAGE, source)


def test_registries(tmp_path, monkeypatch):
    assert registry() == "https://registry.npmjs.org"
    (tmp_path / "user").write_text('registry = "https://user.example/npm/"\n')
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / "user"))
    assert registry() == "https://user.example/npm"
    (tmp_path / ".npmrc").write_text("; the project's\nregistry=https://project.example\n")
    assert registry() == "https://project.example"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://environment.example/")
    assert registry() == "https://environment.example"
