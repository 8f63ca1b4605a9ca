"""A headless Chromium for the tests: found, started, watched.

A page that is watched fails its test when it logs an error, throws, or asks a host other than the ones it is served by.
"""

import json
import os
import re
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
import shared
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Playwright, Request, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--disable-features=SpareRendererForSitePerProcess",  # a process more for each context, and most need only one
    "--disable-gpu-compositing",  # only WebGL needs the graphics card, which is SwiftShader: slow at whole pages
)
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # WebGL2 on any machine
NO_GL = ("--disable-gpu", "--disable-3d-apis")
WITHOUT_GL = """((get) => {
  HTMLCanvasElement.prototype.getContext = function (kind, ...how) {
    return kind.startsWith("webgl") ? null : get.call(this, kind, ...how);
  };
})(HTMLCanvasElement.prototype.getContext)"""  # a script that takes WebGL from a page
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
def chromium() -> Iterator[Browser]:
    """The headless Chromium of this run of the tests. Contexts that the block opens end with it."""
    with _driver() as playwright:
        browser = playwright.chromium.connect(_address(), timeout=PATIENCE)
        yield from _lent(browser)


@contextmanager
def chromium_without_gl() -> Iterator[Browser]:
    """A headless Chromium of its own, without any WebGL. Slow to start: `WITHOUT_GL` is enough for most tests."""
    with _driver() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, timeout=PATIENCE, args=[*QUIET, *NO_GL]
        )
        yield from _lent(browser)


def _lent(browser: Browser) -> Iterator[Browser]:
    try:
        yield browser
    finally:
        _idle.clear()
        browser.close()


def _address() -> str:
    """Where the one Chromium is served to all processes of the tests."""
    node, client = compute_driver_executable()
    config = shared.folder() / "chromium.json"
    with shared.alone("chromium"):
        given = {"executablePath": find_chromium(), "headless": True, "args": [*QUIET, *SOFTWARE_GL]}
        config.write_text(json.dumps(given | {"timeout": PATIENCE}))
        serve = [node, client, "launch-server", "--browser", "chromium", "--config", config]
        log = Path(shared.started("chromium", serve)["log"])
    return shared.wait(lambda: re.search(r"^ws://\S+$", log.read_text(), re.MULTILINE), "Chromium starts").group()


@dataclass
class Watched:
    """A page, what went wrong in it, and every host that it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def note_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def note_request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host:  # none in blob: and data:
            self.hosts.add(host)

    def foreign(self) -> set[str]:
        """Hosts that are not this machine."""
        return self.hosts - set(LOCAL)


_idle: dict[tuple[Browser, str], Page] = {}  # pages that can be taken once more, by how they were opened


@contextmanager
def watched_page(browser: Browser, expected: tuple[str, ...] = (), before: str = "", **context) -> Iterator[Watched]:
    """A page of somebody new (no cookies, nothing stored) that must stay free of errors and of foreign hosts.

    To open one takes seconds of a processor. So the next test that wants such a page gets the same one, emptied.

    Args:
        expected: pieces of errors that the test provokes, and which are not held against the page.
        before: a script that is run before the page's own. Such a page is not used again, nor is one with a storage.
        context: what `Browser.new_context` takes: viewport, has_touch, is_mobile, reduced_motion, ...
    """
    like = browser, repr(sorted(context.items()))
    page = _idle.pop(like, None) or _opened(browser, context)
    watched = Watched(page)
    heard = {"console": watched.note_console, "pageerror": watched.note_error}
    for event, note in heard.items():
        page.on(event, note)
    page.context.on("request", watched.note_request)
    again = False
    try:
        if before:
            page.add_init_script(before)
        yield watched
        wrong = [error for error in watched.errors if not any(piece in error for piece in expected)]
        assert not wrong, f"the page logged errors: {wrong}"
        assert not watched.foreign(), f"the page asked other hosts: {watched.foreign()}"
        again = not before and "storage_state" not in context and page.url.startswith("http")
    finally:
        for event, note in heard.items():
            page.remove_listener(event, note)
        page.context.remove_listener("request", watched.note_request)
        if again:
            _emptied(page)
            _idle[like] = page
        else:
            page.context.close()


def _opened(browser: Browser, options: dict) -> Page:
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    if options.get("reduced_motion") == "reduce":
        context.add_init_script(STILL)
    return context.new_page()


def _emptied(page: Page) -> None:
    """Leave a page, close others beside it, and forget all that the browser remembers of it but files."""
    for other in page.context.pages:
        if other != page:
            other.close()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    page.goto(f"{origin}/healthz")  # the same process goes on, and no script of ours
    page.evaluate("sessionStorage.clear()")
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()
    page.context.clear_cookies()


def until(page: Page, condition: str, value=None) -> None:
    """Wait for a piece of JavaScript to be true. It is not looked at in every frame, as that would have them drawn."""
    page.wait_for_function(condition, arg=value, polling=50)


def filled(page: Page, values: dict[str, str]) -> None:
    """Fill fields, by their selectors, that have just appeared: until they keep what they were given.

    Gradio may set a field once more to its first value when it has just become visible, so they are looked at whenever
    it has come to rest.
    """
    steady = 0
    while steady < 2:
        changed = [name for name, value in values.items() if page.locator(name).input_value() != value]
        for name in changed:
            page.locator(name).fill(values[name])
        steady = 0 if changed else steady + 1
        page.evaluate(REST)


STILL = """addEventListener('play', ({ target }) => { if (target.autoplay) target.pause(); }, true);"""

REST = """() => new Promise((rest) => {
  let timer;
  const changes = new MutationObserver(() => wait());
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => requestIdleCallback(() => { changes.disconnect(); rest(); }), 200);
  };
  changes.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  wait();
})"""  # until nothing of the page has changed for a while


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
