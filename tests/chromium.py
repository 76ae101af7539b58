"""Web pages in a headless Chromium, driven through its DevTools pipe without a further package.

    with open_page(path_or_url) as page:
        page.click("#sort")
        assert page.run("document.title") == "Scores"
        assert not page.errors and not page.requests

Tests that use it are skipped where there is no Chromium; the environment variable CHROMIUM names one.
"""

import base64
import contextlib
import functools
import http.server
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--mute-audio"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--autoplay-policy=no-user-gesture-required", "--force-color-profile=srgb", "--disable-dev-shm-usage"),
    "--no-sandbox",  # containers allow none, and the pages are our own
)
KEYS = {
    **{"Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "Tab": 9},
    **{"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40},
}


def find_chromium() -> str | None:
    """Returns the path of a Chromium or Chrome, or None; on Windows, which has no numbered pipes, always None."""
    if os.name != "posix":
        return None
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A page in a Chromium of its own.

    Attributes:
        errors: list of str, uncaught exceptions, console errors and failed loads.
        requests: list of str, addresses that were requested, other than `data:` and `blob:` and the page itself.
        console: list of str, all console messages.
    """

    def __init__(self, program: str, profile: str, flags: tuple[str, ...] = ()):
        self.errors, self.requests, self.console = [], [], []
        self._number, self._buffer, self._loaded, self._opened = 0, b"", 0, ()
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        # The browser reads file descriptor 3 and writes 4.
        command = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        arguments = [program, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", command, "bash", *arguments],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def open(self, address, width: int = 1280, height: int = 900, timeout: float = 60.0) -> None:
        """Loads a page and waits for its `load` event.

        Args:
            address: path of a file, or a URL.
            width, height: pixels of the window; below 600 a phone is emulated.
            timeout: seconds.
        """
        url = address if "://" in str(address) else pathlib.Path(address).resolve().as_uri()
        self.resize(width, height)
        before, self._opened = self._loaded, (url, url + "/")
        self.call("Page.navigate", url=url)
        self._read_until(lambda: self._loaded > before, timeout, f"{url} did not load")

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Sets the size of the window in CSS pixels, and device pixels per CSS pixel."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    def emulate(self, **features: str) -> None:
        """Sets CSS media features, such as `prefers_color_scheme="dark"`."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=named)

    def run(self, expression: str, timeout: float = 60.0):
        """Evaluates JavaScript, awaits a promise, and returns the value as JSON types.

        Raises:
            AssertionError: if it throws.
        """
        result = self.call(
            "Runtime.evaluate",
            timeout=timeout,
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            raise AssertionError(_describe(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait_for(self, expression: str, timeout: float = 30.0):
        """Waits until JavaScript evaluates to a true value, and returns it."""
        deadline = time.monotonic() + timeout
        while not (value := self.run(expression, timeout)):
            assert time.monotonic() < deadline, f"never true: {expression}; errors: {self.errors}"
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """Clicks the middle of the first element of a CSS selector with the mouse."""
        place = (
            f"(e => {{ e.scrollIntoView({{block: 'center', behavior: 'instant'}}); const r = e.getBoundingClientRect();"
            f" return [r.x + r.width / 2, r.y + r.height / 2] }})(document.querySelector({json.dumps(selector)}))"
        )
        x, y = self.run(place)
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def move(self, x: float, y: float) -> None:
        """Moves the mouse to a place of the window, in CSS pixels."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Presses a key, such as "ArrowRight", in the focused element."""
        code = KEYS.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def screenshot(self, path=None, whole: bool = False) -> bytes:
        """Returns the page as a PNG, and writes it to `path` if given; `whole`: also what is below the window."""
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            result = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        else:
            result = self.call("Page.captureScreenshot")
        png = base64.b64decode(result["data"])
        if path:
            pathlib.Path(path).write_bytes(png)
        return png

    def call(self, method: str, timeout: float = 60.0, **parameters) -> dict:
        """Calls a method of the DevTools protocol and returns its result.

        Raises:
            AssertionError: if it fails or does not answer in `timeout` seconds.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answers = []
        self._read_until(lambda: answers, timeout, f"{method} had no answer", self._number, answers)
        assert "error" not in answers[0], f"{method}: {answers[0]['error']}"
        return answers[0]["result"]

    def close(self) -> None:
        """Ends the browser."""
        with contextlib.suppress(AssertionError, OSError):
            self._session = None
            self.call("Browser.close", timeout=10)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._to)
        os.close(self._from)

    def _read_until(self, is_done, timeout, problem, number=None, answers=None):
        """Reads messages until a condition holds; the answer to call `number` is added to `answers`."""
        deadline = time.monotonic() + timeout
        while not is_done():
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"{problem} in {timeout:g} s; errors: {self.errors}"
            if not select.select([self._from], [], [], min(remaining, 1.0))[0]:
                continue
            data = os.read(self._from, 1 << 20)
            assert data, f"{problem}: Chromium ended with exit code {self.process.poll()}"
            *messages, self._buffer = (self._buffer + data).split(b"\0")
            for message in map(json.loads, messages):
                if number is not None and message.get("id") == number:
                    answers.append(message)
                elif "method" in message:
                    self._note(message["method"], message["params"])

    def _note(self, event, values):
        """Collects errors, console messages and requests."""
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Network.requestWillBeSent":
            url = values["request"]["url"]
            if not url.startswith(("data:", "blob:", "about:")) and url not in self._opened:
                self.requests.append(url)
        elif event == "Runtime.exceptionThrown":
            self.errors.append(_describe(values["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            text = " ".join(str(item.get("value", item.get("description"))) for item in values["args"])
            self.console.append(text)
            if values["type"] in ("error", "assert"):
                self.errors.append(text)
        elif event == "Log.entryAdded" and values["entry"]["level"] == "error":
            entry = values["entry"]
            if not entry.get("url", "").endswith("/favicon.ico"):  # which a browser asks for by itself
                self.errors.append(f"{entry['text']} {entry.get('url', '')}".strip())


@contextlib.contextmanager
def open_page(address=None, width: int = 1280, height: int = 900, flags: tuple[str, ...] = ()):
    """Opens a page in a fresh Chromium; skips the test if there is none.

    Args:
        address: path of a file, or a URL; None for a blank page.
        width, height: pixels of the window.
        flags: of the browser's command line, beside `FLAGS`.

    Yields:
        `Page`.
    """
    program = find_chromium()
    if not program:
        pytest.skip("there is no Chromium: install one, or name it in the environment variable CHROMIUM")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Page(program, profile, flags)
        try:
            if address is not None:
                page.open(address, width, height)
            yield page
        finally:
            page.close()


@contextlib.contextmanager
def serve(folder, headers: dict[str, str] | None = None):
    """Serves the files of a folder from this machine.

    Args:
        folder: its path.
        headers: sent with each file, such as those that allow threads in WebAssembly.

    Yields:
        The address, such as "http://127.0.0.1:40001".
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=os.fspath(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _describe(details):
    """Returns the text of an exception with its place."""
    text = details.get("exception", {}).get("description") or details.get("text", "")
    return f"{text} (line {details.get('lineNumber', -1) + 1})"
