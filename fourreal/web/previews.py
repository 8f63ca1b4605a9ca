"""What other services show of a link to the page: title, description and picture, put into its head."""

import gzip
import os
import re
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.web.guard import HOST
from fourreal.web.links import things_of
from fourreal.web.markup import render
from fourreal.web.things import PREVIEW, Thing, thing

TITLE = "fourreal: a scene to look around in, at any moment"
WORDS = "Two short videos in, a scene in three dimensions and time out. Drag to look around, scrub through time."
# Gradio's own elements say "Gradio" and "Click to try out the app!", and services believe the first that they find.
GRADIOS = re.compile(rb"""<meta\s+(?:property|name)="(?:og:|twitter:)[^>]*>\s*""")
AUTHORITY = re.compile(r"(?P<host>[^:\[\]]+)(?P<port>:\d{1,5})?", re.ASCII)


class Previews:
    """ASGI middleware around the page itself: whatever else is asked for goes through untouched."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"] != "/":
            return await self.app(scope, receive, send)
        # unpacked, as something is put into it, and packed here
        packs = any(b"gzip" in value for name, value in scope["headers"] if name == b"accept-encoding")
        plain = dict(scope) | {"headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
        start: list[Message] = []
        parts: list[bytes] = []

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            body = self.with_preview(b"".join(parts), scope)
            head = [pair for pair in start[0]["headers"] if pair[0].lower() != b"content-length"]
            if packs:
                body = gzip.compress(body, 6, mtime=0)
                head += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
            await send({**start[0], "headers": [*head, (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})

        await self.app(plain, receive, sending)

    def with_preview(self, body: bytes, scope: Scope) -> bytes:
        head = preview(self.linked(scope), origin(scope)).encode()
        return GRADIOS.sub(b"", body).replace(b"</head>", head + b"</head>", 1)

    def linked(self, scope: Scope) -> list[Thing]:
        """What the address names that is there for everybody."""
        things = []
        for name in things_of(parse_qs(scope["query_string"].decode("latin-1"))):
            try:
                things.append(public(self.service, name))
            except UserError:  # not there, or somebody's own: a preview says nothing of it
                return []
        return things


def public(service: Service, name: str) -> Thing:
    """A thing as everybody sees it. Raises UserError for what is somebody's own."""
    if name.startswith(("scene:", "input:", "video:", "own:")):
        raise UserError("There is no such scene.")
    return thing(service, "", name)


def preview(things: list[Thing], address: str) -> str:
    """The elements, for the things that a link names; for the page as such where it names none."""
    return render(
        "preview",
        title=f"{' and '.join(one.title for one in things[:2])} · fourreal" if things else TITLE,
        words=WORDS,
        picture=next((one.picture for one in things if one.picture), PREVIEW),
        address=address,
        embed=things[0].embed if len(things) == 1 else None,
    )


def origin(scope: Scope) -> str:
    """The page's own address as others reach it, without a slash; "" where it cannot be told."""
    if HOST.fullmatch(space := os.environ.get("SPACE_HOST", "")):
        return f"https://{space}"
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    match = AUTHORITY.fullmatch(host)
    if not match or not HOST.fullmatch(match["host"]):
        return ""
    return f"{scope['scheme']}://{host}{scope.get('root_path', '').rstrip('/')}"
