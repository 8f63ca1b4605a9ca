"""Compare: two to four scenes and videos under one camera and one clock."""

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.web import links, things
from fourreal.web.dropped import drop, emptied, using
from fourreal.web.explore import caption_of, opened
from fourreal.web.markup import caption, piece, pieces, tag
from fourreal.web.metrics import table
from fourreal.web.parts import INTAKE, Event, Page, Updates, event
from fourreal.web.session import Visitor, personal
from fourreal.web.viewer_box import shown

LAYOUTS = [("Beside each other", "side"), ("Wipe (of two)", "wipe")]
MOST = 4
LONGEST = 40  # characters of a title, where several stand in one heading
HINT = "Drag to look around, scroll or pinch to come closer."


class Compare:
    """things: what is compared. alone: the button that shows one again."""

    def __init__(self) -> None:
        gr.Markdown("Two to four scenes or videos, one camera, one clock.", elem_classes="lead")
        self.things = gr.Dropdown(
            [], value=[], multiselect=True, max_choices=MOST, label="What to compare", elem_id="compare-things"
        )
        self.other = drop("compare-video", "Video of another method", labelled=True)
        self.layout = gr.Radio(LAYOUTS, value="side", label="Layout", elem_id="compare-layout")
        self.hint = piece(elem_id="compare-hint")
        self.figures = piece(elem_id="compare-table")
        self.studies = piece(elem_id="studies")
        self.alone = gr.Button("Back to one scene", visible=False, elem_id="compare-end")

    def shown(self, page: Page) -> list[Block]:
        """What `compared` changes."""
        return [page.viewer, page.caption, self.figures, self.alone, self.hint]


@dataclass(frozen=True)
class Comparing:
    """The events that list what can be compared, that show what is chosen, and that show one scene in its place once
    other things are done."""

    choices: Event
    show: Event
    end: Event


def wire(page: Page, step: Compare) -> Comparing:
    outputs = step.shown(page)
    hidden: Updates = {step.figures: "", step.alone: gr.update(visible=False), step.hint: ""}

    @personal
    def list_things(me: Visitor, names: list | None):
        listed = [*with_shared(page, names), *things.choices(page.service, page.owner(me))]
        there = {name for _, name in listed}
        names = [name for name in names or [] if name in there] or usual(listed, me.run)
        ablations = page.service.ablations.names()
        links = pieces("compare").ablations(ablations) if ablations else ""
        return {step.things: gr.update(choices=listed, value=names), step.studies: links}

    @personal
    def show(me: Visitor, names: list | None, layout: str):
        return compared(page, step, me, names, layout)

    @personal
    def end(me: Visitor, seen: dict | None):
        """The scene that the visitor follows, or the one that everybody sees."""
        if not isinstance(seen, dict) or not seen.get("others"):  # no comparison is in the viewer
            return {}
        try:
            if (run := page.service.runs.get(page.owner(me), me.run)).live:  # the next tick shows how far it is
                return {page.viewer: shown(title=run.name, live=True), **hidden}
            one = things.thing(page.service, page.owner(me), f"scene:{run.id}")
        except UserError:  # none, or none of it
            one = things.opening(page.service)
        return alone(page, me, one) | hidden

    @personal
    def take(me: Visitor, names: list | None, path: str | None):
        owner = page.owner(me)
        with using(page, path) as file:
            if len(names or []) >= MOST:
                raise UserError(f"{MOST} at most can be compared. Take one out first.")
            video = page.service.library.add_video(owner, file, file.name)
        return chosen_of(page, owner, [*(names or []), f"video:{video.id}"])

    @personal
    def show_first(me: Visitor, names: list | None):
        one = things.thing(page.service, page.owner(me), names[0]) if names else things.opening(page.service)
        return alone(page, me, one) | hidden

    comparing = Comparing(
        choices=event(list_things, [page.me, step.things], [step.things, step.studies]),
        show=event(show, [page.me, step.things, step.layout], outputs),
        end=event(end, [page.me, page.viewer], outputs),
    )
    for field in (step.things, step.layout):
        field.input(**comparing.show)
    taken = step.other.upload(**event(take, [page.me, step.things, step.other], step.things, INTAKE))
    emptied(taken, step.other)
    taken.success(**comparing.show)
    step.alone.click(**event(show_first, [page.me, step.things], outputs))
    return comparing


def compared(page: Page, step: Compare, me: Visitor, names: list | None, layout: str) -> Updates:
    """Viewer and caption with these things beside each other, and their figures."""
    chosen = [things.thing(page.service, page.owner(me), name) for name in (names or [])[:MOST]]
    if len(chosen) < 2:
        return {step.figures: "", step.hint: tag("p", "Choose one more to compare.", class_="quiet")}
    first, *others = chosen
    value = shown(
        first.url,
        kind=first.kind,
        title=first.title,
        others=[one.shown for one in others],
        address=links.address([one.name for one in chosen]),
        layout="wipe" if layout == "wipe" and len(chosen) == 2 else "side",
    )
    wiped = "Drag the divider." if value["layout"] == "wipe" else "They move together."
    words = caption(listing([short(one.title) for one in chosen]), wiped)
    return {
        page.viewer: value,
        page.caption: words,
        step.figures: table([(short(one.title), one.figures) for one in chosen]),
        step.alone: gr.update(visible=True),
        step.hint: "",
    }


def alone(page: Page, me: Visitor, one: things.Thing) -> Updates:
    """Viewer and caption with one thing."""
    if one.name.startswith("scene:"):
        run = page.service.runs.get(page.owner(me), one.name.removeprefix("scene:"))
        return {page.viewer: opened(run), page.caption: caption_of(run)}
    at = links.address([one.name])
    value = shown(one.url, kind=one.kind, title=one.title, preview=one.picture, address=at)
    return {page.viewer: value, page.caption: about(one)}


def about(one: things.Thing) -> Markup:
    """What stands under the viewer with one thing."""
    return caption(one.title, f"{one.made} {HINT}".lstrip(), one.credits)


def chosen_of(page: Page, owner: str, names: list[str]):
    """An update of what is chosen, with all that can be: Gradio refuses a value that it was not told of before."""
    return gr.update(choices=[*with_shared(page, names), *things.choices(page.service, owner)], value=names)


def with_shared(page: Page, names: list | None) -> list[tuple[str, str]]:
    """(title, name) of those among `names` that others shared, or that are a sweep's: no list has them."""
    shared = [name for name in names or [] if isinstance(name, str) and name.startswith(("shared:", "sweep:"))]
    return [(things.thing(page.service, "", name).title, name) for name in shared]


def usual(listed: list[tuple[str, str]], run: str) -> list[str]:
    """What is compared where nobody chose: the scene that is open, or the first, with the video it was made from."""
    names = [name for _, name in listed if not name.startswith(("shared:", "sweep:"))]
    first = f"scene:{run}" if f"scene:{run}" in names else names[0]
    kind, _, id = first.partition(":")
    return beside(id) if kind == "scene" else [first, f"example:{id}/reference"]


def beside(run: str) -> list[str]:
    """A scene and the video that it was made from."""
    return [f"scene:{run}", f"input:{run}"]


def short(title: str) -> str:
    """As much of a title as a heading has room for, and all that tells a video from the scene that was made of it."""
    if len(title) <= LONGEST:
        return title
    *_, role = title.rpartition(": ")
    ending = f": {role}" if role in things.ROLES.values() else ""
    return f"{title[: LONGEST - 1 - len(ending)].rstrip()}…{ending}"


def listing(titles: list[str]) -> str:
    """ "A, B and C" """
    return " and ".join([", ".join(titles[:-1]), titles[-1]])
