"""Streams of events whose session has gone: a tab that was closed, or a name that nobody has."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from fourreal.web.guard import PREFIX

STREAM = PREFIX + "queue/data"


class EndedStreams:
    """ASGI middleware that ends such a stream where Gradio, having told its reader, raises.

    It raises after the answer has begun, which no layer can turn into a 404 any more: the connection would break, and
    every tab that closes at the wrong moment, or anybody who asks for a session of no one, leave a stack trace behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except RuntimeError as error:
            if scope["type"] != "http" or scope["path"] != STREAM or not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
