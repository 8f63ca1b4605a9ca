"""Share: a link to one scene, which its owner makes and takes back."""

import gradio as gr

from fourreal.web.links import address
from fourreal.web.markup import button, pressed, tag, text
from fourreal.web.parts import Page, event
from fourreal.web.session import Visitor, personal


def wire(page: Page, shared: gr.HTML) -> None:
    """shared: where the links are."""

    @personal
    def act(me: Visitor, press: gr.EventData):
        action, owner = pressed(press).get("action"), page.owner(me)
        if action == "share":
            return box(page.service.share(owner, me.run))
        if action == "unshare":
            page.service.unshare(owner, me.run)
        return box(page.service.share_of(owner, me.run))

    shared.select(**event(act, page.me, shared))


def box(token: str | None) -> str:
    """The button that shares a scene; of a shared one its links, and the button that takes them back."""
    if token is None:
        words = tag("span", "Whoever has the link can see the scene, and nothing else of yours.", class_="quiet")
        return tag("div", button("Share", "share"), words, class_="share")
    link, embed = address([f"shared:{token}"]), f"embed/{token}"
    copies = [
        tag("button", text(words), type="button", class_="act", data_copy=where, data_frame=frame)
        for words, where, frame in (("Copy link", link, None), ("Copy embed code", embed, "yes"))
    ]
    open_it = tag("a", "Open it", href=link, target="_blank", rel="noopener")
    return tag("div", *copies, button("Stop sharing", "unshare", "quiet"), open_it, class_="share")
