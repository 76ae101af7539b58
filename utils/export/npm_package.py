"""Files of an npm package: download from npm's registry, cache, and verification by hash."""

import base64
import configparser
import hashlib
import os
import pathlib
import tarfile
import urllib.error
import urllib.request
from typing import NamedTuple

from utils.errors import RunError, UsageError
from utils.files import atomic_write

REGISTRY = "https://registry.npmjs.org"
TIMEOUT = 60  # seconds without a byte


class NpmPackage(NamedTuple):
    """A pinned package.

    Attributes:
        name: on the registry.
        version: str.
        integrity: of its archive, "sha512-" and base64, as the registry and lock files of npm have it.
        files: dict from a path in the package to the SHA-256 of the file, in hexadecimal digits.
    """

    name: str
    version: str
    integrity: str
    files: dict[str, str]

    @property
    def archive(self) -> str:
        """Name of its archive."""
        return f"{self.name}-{self.version}.tgz"


def read_package(package: NpmPackage, source: str | os.PathLike | None = None) -> dict[str, bytes]:
    """Reads the files of a package, each verified by its hash.

    Args:
        package: the package.
        source: its archive (`.tgz`), or the folder of an unpacked or installed one; None downloads the archive, once.

    Returns:
        Dict from the paths in `package.files` to contents.

    Raises:
        UsageError: if `source` is not that package.
        RunError: if it cannot be downloaded.
    """
    place = pathlib.Path(source) if source else fetch_archive(package)
    contents = _read_folder(package, place) if place.is_dir() else _read_archive(package, place)
    for name, digest in package.files.items():
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise UsageError(f"{place}: {name} is not that of {package.name} {package.version} (SHA-256 differs)")
    return contents


def fetch_archive(package: NpmPackage) -> pathlib.Path:
    """Downloads the archive of a package into the cache, unless it is there.

    Returns:
        Path of the archive, which is verified.

    Raises:
        RunError: if it cannot be downloaded, or is not the pinned one.
    """
    path = cache_folder() / package.archive
    if path.is_file() and integrity_of(path.read_bytes()) == package.integrity:
        return path
    url = f"{registry()}/{package.name}/-/{package.archive}"
    print(f"Downloading {url} ...", flush=True)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            data = response.read()
    except (OSError, ValueError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise RunError(
            f"cannot download {url} ({reason}); give the archive or folder of {package.name} {package.version}: "
            f"--ort_web PATH (npm pack {package.name}@{package.version} writes it where there is a connection)"
        ) from error
    if integrity_of(data) != package.integrity:
        raise RunError(f"{url} is not the archive that is expected: its SHA-512 differs; nothing of it is used")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path


def registry() -> str:
    """Returns the address of npm's registry as configured: environment, `.npmrc` here or at home, or the public one."""
    for variable in ("NPM_CONFIG_REGISTRY", "npm_config_registry"):
        if os.environ.get(variable):
            return os.environ[variable].rstrip("/")
    user = os.environ.get("NPM_CONFIG_USERCONFIG") or pathlib.Path.home() / ".npmrc"
    for path in (pathlib.Path(".npmrc"), pathlib.Path(user)):
        config = configparser.ConfigParser(interpolation=None, strict=False, delimiters="=", allow_no_value=True)
        try:
            config.read_string("[npm]\n" + path.read_text(encoding="utf-8"))
        except (OSError, configparser.Error):
            continue
        if config["npm"].get("registry"):
            return config["npm"]["registry"].strip("\"' ").rstrip("/")
    return REGISTRY


def cache_folder() -> pathlib.Path:
    """Returns the folder of downloaded archives: `$XDG_CACHE_HOME` or `~/.cache`, in it the suite's folder."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "semantic-segmentation-suite"


def integrity_of(data: bytes) -> str:
    """Returns the SHA-512 of data in npm's spelling."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def _read_folder(package, folder):
    missing = [name for name in package.files if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder} is not the folder of {package.name} {package.version}: it has no {missing[0]}")
    return {name: (folder / name).read_bytes() for name in package.files}


def _read_archive(package, path):
    try:
        with tarfile.open(path) as archive:
            return {name: archive.extractfile(f"package/{name}").read() for name in package.files}
    except KeyError as error:
        raise UsageError(f"{path} is not {package.name} {package.version}: {error.args[0]}") from error
    except (OSError, tarfile.TarError) as error:
        raise UsageError(f"{path} is no archive of {package.name} {package.version} ({error})") from error
