"""A headless Chromium, driven over a pipe by its own protocol: no driver, no library.

Each message is JSON that ends with a byte 0. The browser reads them from descriptor 3 and answers
on descriptor 4 (its option --remote-debugging-pipe). `find` names the browser that is used.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CACHES = ("~/.cache/ms-playwright/chromium*/chrome-*/*", "~/.cache/puppeteer/chrome/*/*/chrome")
WAIT = 120.0  # seconds, for a machine that is busy
_START = (
    "import os, sys\n"
    "read, write = map(int, sys.argv[1:3])\n"
    "os.dup2(read, 3); os.dup2(write, 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)


def find():
    """The path of a Chromium: FASTLOGREG_BROWSER, one on the path, or one that pip's playwright
    has fetched; None where there is none."""
    named = os.environ.get("FASTLOGREG_BROWSER")
    if named:
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for pattern in CACHES:
        folder, _, rest = os.path.expanduser(pattern).partition("*")
        parent = Path(folder).parent
        if parent.is_dir():
            for path in sorted(parent.glob(Path(folder).name + "*" + rest)):
                if path.name in ("chrome", "headless_shell", "chrome-headless-shell"):
                    return str(path)
    return None


class Browser:
    """One browser with one page; use it as a context."""

    def __init__(self, path):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, from_browser = os.pipe(), os.pipe()
        low = [os.dup(fd) if fd < 10 else fd for fd in (to_browser[0], from_browser[1])]
        command = [
            *(sys.executable, "-c", _START, *map(str, low), path, "--headless=new"),
            *("--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", f"--user-data-dir={self._folder.name}", "about:blank"),
        ]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(to_browser[0], from_browser[1], *low),
        )
        for fd in {to_browser[0], from_browser[1], *low}:
            os.close(fd)
        self._write, self._read = to_browser[1], from_browser[0]
        self._rest, self._count, self.events = b"", 0, []
        self._session = None
        try:
            target = self._send("Target.createTarget", url="about:blank")["targetId"]
            found = self._send("Target.attachToTarget", targetId=target, flatten=True)
            self._session = found["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
                self.send(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the browser."""
        self._process.kill()
        self._process.communicate()
        for fd in (self._write, self._read):
            os.close(fd)
        self._folder.cleanup()

    def send(self, method, **parameters):
        """Ask the page, and return its answer."""
        return self._send(method, self._session, **parameters)

    def _send(self, method, session=None, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        until = time.monotonic() + WAIT
        while True:
            answer = self._next(until)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def _next(self, until):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else None
            if not part:
                said = "" if part is None else self._process.stderr.read().decode(errors="replace")
                raise OSError(f"the browser does not answer {said.strip()[-300:]}")
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path, width=1280, height=900, dark=False):
        """Show a file in a window of this size, by day or by night."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.send("Page.navigate", url=Path(path).absolute().as_uri())
        until = time.monotonic() + WAIT
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(until))

    def run(self, code):
        """Run an expression of JavaScript in the page, and return its value."""
        found = self.send("Runtime.evaluate", expression=code, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description"))
        return found["result"].get("value")

    def press(self, key):
        """Press and release a key by its name: Tab, Enter."""
        code = {"Tab": 9, "Enter": 13, "ArrowRight": 39}[key]
        for kind in ("rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                nativeVirtualKeyCode=code,
            )

    def errors(self):
        """What the console has said since the page was opened: errors and warnings."""
        self.run("1")  # what is on its way arrives before the answer
        found = []
        for event in self.events:
            method, what = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(what["exceptionDetails"].get("text")))
            elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
                found.append(str([part.get("value") for part in what["args"]]))
            elif method == "Log.entryAdded":
                found.append(what["entry"]["text"])
        return found

    def requests(self):
        """What the page has asked for since it was opened, itself and data in it apart."""
        self.run("1")
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls[1:] if not url.startswith("data:")]

    def screenshot(self, path):
        """Write the whole page as a PNG."""
        found = self.send("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        Path(path).write_bytes(base64.b64decode(found["data"]))
