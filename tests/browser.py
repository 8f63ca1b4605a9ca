"""A headless Chromium for the tests: found, started, watched.

A page that is watched fails its test when it logs an error, throws, or asks a host other than the ones it is served by.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--mute-audio",
    "--disable-gpu-compositing",  # only WebGL needs the graphics card, which is SwiftShader: slow at whole pages
)  # fmt: skip
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # WebGL2 on any machine
NO_GL = ("--disable-gpu", "--disable-3d-apis")
LOCAL = ("127.0.0.1", "localhost", "::1")
PATIENCE = 180_000  # milliseconds until something has failed: far more than it takes, as others may use the machine
expect.set_options(timeout=PATIENCE)


def find_chromium() -> str | None:
    """The browser that the tests drive: $CHROMIUM, or the first one on the PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


needs_chromium = pytest.mark.skipif(
    find_chromium() is None,
    reason="no Chromium here: apt install chromium, or name one in the environment variable CHROMIUM",
)


_drivers: list[Playwright] = []  # the one at work, if any: there can only be one a thread


@contextmanager
def _driver() -> Iterator[Playwright]:
    if _drivers:
        yield _drivers[0]
        return
    with sync_playwright() as playwright:
        _drivers.append(playwright)
        try:
            yield playwright
        finally:
            _drivers.clear()


@contextmanager
def chromium(webgl: bool = True, flags: tuple[str, ...] = ()) -> Iterator[Browser]:
    """A headless Chromium, without any WebGL if asked. Ends with the block, and with it all its pages."""
    with _driver() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, timeout=PATIENCE,
            args=[*QUIET, *(SOFTWARE_GL if webgl else NO_GL), *flags],
        )  # fmt: skip
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, what went wrong in it, and every host that it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def note_request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host:  # none in blob: and data:
            self.hosts.add(host)

    def foreign(self) -> set[str]:
        """Hosts that are not this machine."""
        return self.hosts - set(LOCAL)


@contextmanager
def watched_page(browser: Browser, expected: tuple[str, ...] = (), **context) -> Iterator[Watched]:
    """A page in a context of its own (no cookies, no cache) that must stay free of errors and of foreign hosts.

    Args:
        expected: pieces of errors that the test provokes, and which are not held against the page.
        context: what `Browser.new_context` takes: viewport, has_touch, is_mobile, reduced_motion, ...
    """
    opened = browser.new_context(**context)
    opened.set_default_timeout(PATIENCE)
    try:
        watched = Watched(opened.new_page())
        watched.page.on("console", watched.note_console)
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        opened.on("request", watched.note_request)
        yield watched
        wrong = [error for error in watched.errors if not any(piece in error for piece in expected)]
        assert not wrong, f"the page logged errors: {wrong}"
        assert not watched.foreign(), f"the page asked other hosts: {watched.foreign()}"
    finally:
        opened.close()


def filled(page: Page, values: dict[str, str]) -> None:
    """Fill fields, by their selectors, that have just appeared: until they keep what they were given for a while.

    Gradio may set a field once more to its first value when it has just become visible.
    """
    kept = 0
    while kept < 3:
        changed = [name for name, value in values.items() if page.locator(name).input_value() != value]
        for name in changed:
            page.locator(name).fill(values[name])
        kept = 0 if changed else kept + 1
        page.wait_for_timeout(700)


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".mjs": "text/javascript"}

    def log_message(self, *_args) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the browser gave up a download: what an aborted load does
            self.close_connection = True


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serve a folder; gives its URL, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
