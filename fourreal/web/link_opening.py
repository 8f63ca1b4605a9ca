"""Opens what the page's address names: when somebody arrives by a link, and when they go back or forward."""

import gradio as gr

from fourreal.web import things
from fourreal.web.compare import alone_shown, chosen_of
from fourreal.web.explore import caption, opened
from fourreal.web.links import opened_by
from fourreal.web.markup import tag, text
from fourreal.web.parts import COMPARE, PRIVATE, Parts
from fourreal.web.session import known, safely
from fourreal.web.viewer_box import shown

HINT = "Drag to look around, scroll to come closer, scrub through time."


def wire(page: Parts, arrived) -> None:
    """arrived: the event after which a link is opened."""
    compared = page.named["compare_event"]["outputs"]  # viewer and caption first
    outputs = [page.tabs, page.named["compare_things"], *compared]

    def open_things(me: dict, names: list[str]) -> list:
        owner = page.owner(known(me))
        if len(names) > 1:
            chosen = chosen_of(page, owner, names)
            return [gr.Tabs(selected=COMPARE), chosen, *page.named["compare_show"](me, names, "side")]
        if not names:
            value = shown(things.READY, title=things.READY_NAME, address="")
            return [gr.skip(), gr.skip(), value, words_of(things.READY_NAME), *[gr.skip()] * (len(compared) - 2)]
        one = things.thing(page.service, owner, names[0])
        value, words = alone_shown(one), words_of(one.title)
        if one.name.startswith("scene:"):
            run = page.service.runs.get(owner, one.name.removeprefix("scene:"))
            value, words = opened(run), caption(run)
        return [gr.skip(), gr.skip(), value, words, *[gr.skip()] * (len(compared) - 2)]

    @safely
    def open_link(me: dict, search: str):
        names = opened_by(page.service, page.owner(known(me)), str(search or ""))
        return open_things(me, names) if names else [gr.skip()] * len(outputs)

    @safely
    def go_back(me: dict, event: gr.EventData):
        search = event._data.get("search", "") if isinstance(event._data, dict) else ""
        return open_things(me, opened_by(page.service, page.owner(known(me)), str(search)))

    search = gr.Textbox("", visible=False)  # a State would not take what the browser says
    linked = arrived.then(
        open_link, [page.me, search], outputs, js="(me) => [me, window.fourrealLink ?? location.search]", **PRIVATE
    )
    linked.then(None, js="() => { window.fourrealSettled = true; }", **PRIVATE)
    page.viewer.submit(go_back, page.me, outputs, **PRIVATE)


def words_of(title: str) -> str:
    return tag("div", tag("h2", text(title)), tag("p", HINT), class_="caption")
