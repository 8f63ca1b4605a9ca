"""Share: a link to one scene, which its owner makes and takes back."""

import gradio as gr

from fourreal.web.links import address
from fourreal.web.markup import button, piece, pressed, tag, text
from fourreal.web.parts import PRIVATE, Parts
from fourreal.web.session import known, safely


def build(page: Parts) -> None:
    shared = piece(elem_id="shared")
    page.named["shared"] = shared

    @safely
    def act(me: dict, event: gr.EventData):
        me, action = known(me), pressed(event).get("action")
        owner, run = page.owner(me), me["run"]
        if action == "share":
            return box(page.service.shares.share(owner, run))
        if action == "unshare":
            page.service.shares.unshare(owner, run)
        return box(page.service.shares.token(owner, run))

    shared.select(act, page.me, shared, **PRIVATE)


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
