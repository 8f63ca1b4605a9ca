"""Opens what the page's address names: when somebody arrives by a link, and when they go back or forward."""

from dataclasses import replace

import gradio as gr
from gradio.events import Dependency

from fourreal.web import things
from fourreal.web.compare import Compare, about, alone, chosen_of, compared
from fourreal.web.cursor import fresh
from fourreal.web.lean import sent_with
from fourreal.web.links import opened_by
from fourreal.web.parts import Event, Page, Updates, event
from fourreal.web.session import Visitor, personal
from fourreal.web.viewer_box import shown
from fourreal.web.way import After


def wire(page: Page, compare: Compare, follow: Event, arrived: Dependency) -> None:
    """follow: the event that shows a run. arrived: the one after which a link is opened."""
    outputs = [page.me, page.cursor, *page.places, compare.things, *compare.shown(page)]

    def open_things(me: Visitor, names: list[str]) -> Updates:
        owner = page.owner(me)
        if len(names) > 1:
            several = {compare.things: chosen_of(page, owner, names), **page.to(After.OPENING_A_LINK_TO_SEVERAL)}
            return compared(page, compare, me, names, "side") | several
        if names:
            one = things.thing(page.service, owner, names[0])
            change = alone(page, me, one)
            if one.name.startswith("scene:"):  # one's own: the panel follows it, too
                run = one.name.removeprefix("scene:")
                change |= {page.me: replace(me, run=run), page.cursor: fresh(run)}
            return change
        ready = things.opening(page.service)
        return {page.viewer: shown(ready.url, title=ready.title, address=""), page.caption: about(ready)}

    @personal
    def open_link(me: Visitor, search: str | None):
        names = opened_by(page.service, page.owner(me), search or "")
        return open_things(me, names) if names else {}

    @personal
    def go_back(me: Visitor, gone: gr.EventData):
        search = sent_with(gone).get("search", "")
        return open_things(me, opened_by(page.service, page.owner(me), str(search)))

    search = gr.Textbox("", visible=False)  # a State would not take what the browser says
    linked = arrived.then(
        **event(open_link, [page.me, search], outputs), js="(me) => [me, window.fourrealLink ?? location.search]"
    )
    linked.then(**event(None), js="() => { window.fourrealSettled = true; }")
    linked.success(**follow)
    page.viewer.submit(**event(go_back, page.me, outputs)).success(**follow)
