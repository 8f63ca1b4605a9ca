"""All that reaches into what Gradio keeps to itself, written for 6.31: look here when its version changes.

Most of it is work that Gradio would do anew for each visitor, call or event, done once: the page shares its processor
with the fit.
"""

from collections import OrderedDict

from gradio.blocks import BlocksConfig
from gradio.components import Component
from gradio.events import EventData
from gradio.queueing import Queue
from gradio.utils import LRUCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What the page's text depends on: where the browser thinks that it is, behind proxies too, and how it may be packed.
DEPENDS_ON = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server", "accept-encoding")
MOST_ANSWERS = 16  # there are few ways to ask


class LeanConfig(BlocksConfig):
    """The components of a page, of which a session keeps no second description.

    Gradio describes each of them for every session, and every call of the API is one: 15 ms of a processor, for links
    to a session's state ("deep links"). The guard closes the route to those.
    """

    def __copy__(self) -> BlocksConfig:
        of_session = super().__copy__()
        of_session.config_for_block = lambda *_: {}
        return of_session


class Messages(LRUCache):
    """What is still to be told to each session. Forgetting one twice is no error.

    Gradio forgets a session in each of its streams that breaks off; of two at once, as when a page is reloaded while it
    waits, the second ended in a KeyError.
    """

    def __delitem__(self, session: str) -> None:
        if session in self:
            super().__delitem__(session)


def forget_once(queue: Queue) -> None:
    """Let what a queue has to tell be forgotten by whoever comes first."""
    queue.pending_messages_per_session = Messages(queue.pending_messages_per_session.max_size)


def sent_with(event: EventData) -> dict:
    """What a script's `trigger` sent along. Gradio gives single values by name, and no way to ask which there are."""
    return event._data if isinstance(event._data, dict) else {}


def tell_once(config: BlocksConfig, listener: Component) -> None:
    """Tell how events go on to one small component alone, as the page shows none of it.

    With each word of it a browser looks through whatever is in each component that was ever told any: with those that
    hold others, and with figures, this was a third of what it did while a run was watched.
    """
    for event in config.fns.values():
        if event.show_progress == "hidden":
            event.show_progress_on = [listener]


class FirstView:
    """ASGI middleware that keeps the page as it was sent: it is the same for everybody who asks in the same way.

    Gradio copies, writes out and packs its whole configuration at each visit: 30 ms of a processor.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answers: OrderedDict[tuple[str | None, ...], list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/" or scope["query_string"]:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if "origin" in headers:  # asked by a script, perhaps of another host: Gradio answers as it may know that one
            return await self.app(scope, receive, send)
        way = (scope["scheme"], scope.get("root_path"), *map(headers.get, DEPENDS_ON))
        if way in self.answers:
            self.answers.move_to_end(way)
            for message in self.answers[way]:
                await send(message)
            return
        answer: list[Message] = []

        async def sending(message: Message) -> None:
            answer.append(message)
            await send(message)

        await self.app(scope, receive, sending)
        if answer[0]["status"] == 200 and not answer[-1].get("more_body"):
            self.answers[way] = answer
            if len(self.answers) > MOST_ANSWERS:
                self.answers.popitem(last=False)
