"""What stands before every request: only the routes that the page needs, small bodies, own files, safe headers."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fourreal.whole import NAME_BYTES

PREFIX = "/gradio_api/"
EMBED = "/embed/"
BODY_BYTES = 1024**2  # of a call; files come in by the upload route
BODY_SECONDS = 20.0

# What Gradio serves and the page uses. Its file, proxy, stream, recording and run history routes are not among them:
# files have routes of their own, which ask whose they are.
GRADIO_ROUTES = re.compile(
    r"(info|openapi\.json|queue/(join|data|status)|upload|upload_progress|heartbeat/\w+|call/.+|run/\w+|api/\w+|cancel|reset"
    r"|startup-events|theme\.css|app_id|user|login_check)/?"
)

# The page's scripts build functions from strings (Gradio's templates) and start workers from blobs (the viewer's sort).
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors "
)
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
HEADERS = {
    "referrer-policy": "no-referrer",  # addresses of files are keys to them
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole application.

    holds: whether a path is a file that was uploaded here, the only files a call may name.
    """

    def __init__(self, app: ASGIApp, holds: Callable[[str], bool]) -> None:
        self.app, self.holds, self.headers = app, holds, headers(os.environ)
        # Nothing of a person is on such a page, and nothing can be done there: any other page may show it.
        self.embedded = self.headers | {"content-security-policy": POLICY + "*"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"]
        send = with_headers(send, self.embedded if path.startswith(EMBED) else self.headers)
        closed = path.startswith(PREFIX) and not GRADIO_ROUTES.fullmatch(path.removeprefix(PREFIX))
        # no file can have so long a name, and looking for it would fail instead of finding nothing
        if closed or any(len(part) > NAME_BYTES for part in path.encode(errors="replace").split(b"/")):
            return await PlainTextResponse("Not found", 404)(scope, receive, send)
        if scope["method"] in ("GET", "HEAD", "OPTIONS") or path.rstrip("/") == PREFIX + "upload":
            return await self.app(scope, receive, send)
        try:
            body = await asyncio.wait_for(small_body(receive), BODY_SECONDS)
        except TimeoutError:
            return await PlainTextResponse("Too slow", 408, {"Connection": "close"})(scope, receive, send)
        if body is None:
            refusal = PlainTextResponse("That request is too large.", 413, {"Connection": "close"})
        elif not self.acceptable(body):
            refusal = PlainTextResponse("A call may only name files that were uploaded here.", 400)
        else:
            return await self.app(scope, replay(body, receive), send)
        await refusal(scope, receive, send)

    def acceptable(self, body: bytes) -> bool:
        """Whether every file that a call names was uploaded here; Gradio itself would fetch or copy any it is told."""
        if b"{" not in body:
            return True
        try:
            files = list(files_named(json.loads(body)))
        except (ValueError, RecursionError):
            return False
        return all(isinstance(path, str) and self.holds(path) for path in files)


def files_named(value: object):
    """The paths of Gradio's file objects anywhere in a decoded call."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        for item in value.values():
            yield from files_named(item)
    elif isinstance(value, list):
        for item in value:
            yield from files_named(item)


async def small_body(receive: Receive) -> bytes | None:
    """The whole body of a request, or None where it is too large or was broken off."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """`receive` once more, for a body that was read."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def headers(environment: Mapping[str, str]) -> dict[str, str]:
    """The headers that every answer carries, by the variables that Hugging Face sets within a Space.

    A Space is shown in a frame of its page at huggingface.co. Anywhere else nobody has a reason to frame this page.
    """
    ancestors = ["'self'"]
    if environment.get("SPACE_ID"):
        ancestors.append("https://huggingface.co")
        if HOST.fullmatch(host := environment.get("SPACE_HOST", "")):
            ancestors.append(f"https://{host}")
    return HEADERS | {"content-security-policy": POLICY + " ".join(ancestors)}


def with_headers(send: Send, own: Mapping[str, str]) -> Send:
    """`send` with these headers."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            # an own policy of Gradio's CORS layer and the like stays; ours replaces what has the same name
            headers = [pair for pair in message.get("headers", []) if pair[0].decode("latin-1").lower() not in own]
            added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]
            message = {**message, "headers": [*headers, *added]}
        await send(message)

    return sending
