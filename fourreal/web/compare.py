"""Compare: two to four scenes and videos under one camera and one clock."""

import gradio as gr

from fourreal.errors import UserError
from fourreal.web import links, things
from fourreal.web.explore import caption, opened
from fourreal.web.markup import piece, tag, text
from fourreal.web.metrics import table
from fourreal.web.parts import INTAKE, PRIVATE, Parts
from fourreal.web.session import known, safely
from fourreal.web.videos import uploaded
from fourreal.web.viewer_box import shown

LAYOUTS = [("Beside each other", "side"), ("Wipe (of two)", "wipe")]
MOST = 4


def build(page: Parts) -> None:
    gr.Markdown("Two to four scenes or videos, one camera, one clock.", elem_classes="lead")
    chosen = gr.Dropdown(
        [], value=[], multiselect=True, max_choices=MOST, label="What to compare", elem_id="compare-things"
    )
    other = gr.File(
        label="Video of another method",
        file_count="single",
        type="filepath",
        height=122,
        elem_id="compare-video",
        elem_classes="drop",
    )
    layout = gr.Radio(LAYOUTS, value="side", label="Shown", elem_id="compare-layout")
    hint = piece(elem_id="compare-hint")
    figures = piece(elem_id="compare-table")
    studies = piece(elem_id="studies")
    alone = gr.Button("Show one again", visible=False, elem_id="compare-end")
    page.named["compare_things"] = chosen

    @safely
    def arrive(me: dict, names: list | None):
        me, owner = known(me), page.owner(known(me))
        listed = with_shared(page, names)
        listed += things.choices(page.service, owner)
        there = {name for _, name in listed}
        names = [name for name in names or [] if name in there] or usual(listed, me["run"])
        return [gr.update(choices=listed, value=names), study_links(page.service.ablations.names())]

    @safely
    def show(me: dict, names: list | None, layout: str):
        owner = page.owner(known(me))
        chosen = [things.thing(page.service, owner, name) for name in (names or [])[:MOST]]
        if len(chosen) < 2:
            return [gr.skip(), gr.skip(), "", gr.skip(), tag("p", "Choose one more to compare.", class_="quiet")]
        first, *others = chosen
        value = shown(
            first.url,
            kind=first.kind,
            title=first.title,
            others=[one.shown for one in others],
            address=links.address([one.name for one in chosen]),
            layout="wipe" if layout == "wipe" and len(chosen) == 2 else "side",
        )
        wiped = "Drag the divider." if value["layout"] == "wipe" else "All of them follow your hand and the time."
        words = tag("div", tag("h2", text(listing([one.title for one in chosen]))), tag("p", wiped), class_="caption")
        return [value, words, table([(one.title, one.figures) for one in chosen]), gr.update(visible=True), ""]

    event = {
        "fn": show,
        "inputs": [page.me, chosen, layout],
        "outputs": [page.viewer, page.caption, figures, alone, hint],
        **PRIVATE,
    }
    page.named["compare_show"] = show
    page.named["choices_event"] = {"fn": arrive, "inputs": [page.me, chosen], "outputs": [chosen, studies], **PRIVATE}
    page.named["compare_event"] = event
    for part in (chosen, layout):
        part.input(**event)

    @safely
    def take(me: dict, names: list | None, path: str | None):
        file, owner = uploaded(page, path), page.owner(known(me))
        try:
            if len(names or []) >= MOST:
                raise UserError(f"{MOST} at most can be compared. Take one out first.")
            video = page.service.library.add_video(owner, file, file.name)
        finally:
            page.uploads.forget(file)
        return chosen_of(page, owner, [*(names or []), f"video:{video.id}"])

    taken = other.upload(take, [page.me, chosen, other], chosen, **INTAKE)
    taken.then(lambda: None, None, other, **PRIVATE)
    taken.success(**event)

    @safely
    def again(me: dict, names: list | None, layout: str, seen: dict | None):
        """What is compared once more, under the names that things have now."""
        compared = isinstance(seen, dict) and seen.get("others")
        return show(me, names, layout) if compared else [gr.skip()] * len(event["outputs"])

    page.named["compare_again"] = event | {"fn": again, "inputs": [*event["inputs"], page.viewer]}

    @safely
    def end(me: dict, names: list | None):
        owner = page.owner(known(me))
        first = things.thing(page.service, owner, (names or [f"ready:{things.READY_ID}"])[0])
        if first.name.startswith("scene:"):
            run = page.service.runs.get(owner, first.name.removeprefix("scene:"))
            value, words = opened(run), caption(run)
        else:
            value, words = alone_shown(first), tag("h2", text(first.title))
        return [value, words, "", gr.update(visible=False), ""]

    alone.click(end, [page.me, chosen], event["outputs"], **PRIVATE)


def chosen_of(page: Parts, owner: str, names: list[str]):
    """An update of what is chosen, with all that can be: Gradio refuses a value that it was not told of before."""
    return gr.update(choices=[*with_shared(page, names), *things.choices(page.service, owner)], value=names)


def with_shared(page: Parts, names: list | None) -> list[tuple[str, str]]:
    """(title, name) of those among `names` that others shared: no list has them."""
    shared = [name for name in names or [] if isinstance(name, str) and name.startswith("shared:")]
    return [(things.thing(page.service, "", name).title, name) for name in shared]


def usual(listed: list[tuple[str, str]], run: str) -> list[str]:
    """What is compared where nobody chose: the scene that is open, or the first, with the video it was made from."""
    names = [name for _, name in listed if not name.startswith("shared:")]
    first = f"scene:{run}" if f"scene:{run}" in names else names[0]
    kind, _, id = first.partition(":")
    return beside(id) if kind == "scene" else [first, f"example:{id}/reference"]


def beside(run: str) -> list[str]:
    """A scene and the video that it was made from."""
    return [f"scene:{run}", f"input:{run}"]


def alone_shown(one: things.Thing) -> dict:
    """What the viewer shows of one thing."""
    return shown(one.url, kind=one.kind, title=one.title, address=links.address([one.name]))


def listing(titles: list[str]) -> str:
    """ "A, B and C" """
    return " and ".join([", ".join(titles[:-1]), titles[-1]])


def study_links(names: list[str]) -> str:
    """Links to the ablation studies of this machine; nothing where there are none."""
    how = {"target": "_blank", "rel": "noopener", "class_": "save"}
    links = [tag("a", text(name), href=f"ablations/{name}", **how) for name in names]
    return tag("div", tag("h4", "Ablations"), tag("div", *links, class_="links")) if names else ""
