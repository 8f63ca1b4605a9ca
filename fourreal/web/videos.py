"""Step one: choose the videos, trim them, see which moment was frozen, and hear whether they will do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.settings import MOST_TAKES
from fourreal.web import further, stood
from fourreal.web.clip_cards import ROLES, card, freeze_slider, reasons, trimmer, verdict_list
from fourreal.web.dropped import add_uploaded, drop, emptied, uploaded, using
from fourreal.web.markup import heading, joined, note, number_in, piece, pieces, pressed, waiting
from fourreal.web.parts import CHECK, INTAKE, Event, Page, Updates, event
from fourreal.web.session import Visitor, personal


class Videos:
    """cards, whys, drops: by role, what the video is, why it has that role, and where one is dropped. takes, more: the
    videos besides the two, and where they are dropped. tune: what is there once both are."""

    def __init__(self, service: Service) -> None:
        gr.Markdown("Choose two short videos of one scene.", elem_classes="lead")
        with gr.Accordion("Film it yourself", open=False, elem_id="guide"):
            piece(pieces("videos").guide())
        self.cards, self.whys, self.drops = {}, {}, {}
        with gr.Row(elem_classes="pair"):
            for role, (title, _) in ROLES.items():
                with gr.Column(min_width=180, elem_classes="clip"):
                    self.cards[role] = piece(card(role, None, ""), elem_id=f"card-{role}")
                    self.whys[role] = piece(elem_id=f"why-{role}")
                    self.drops[role] = drop(f"drop-{role}", title)
        self.checks, self.takes = piece(elem_id="checks"), piece(elem_id="takes")
        self.more = drop("drop-more", "More videos", several=True)
        self.examples = piece(pieces("videos").examples(service.library.examples()), elem_id="examples")
        with gr.Accordion("Trim, and the frozen moment", open=False, visible=False, elem_id="tune") as self.tune:
            self.moment, self.trims = piece(elem_id="moment"), piece(elem_id="trims")
            heading("Known cameras (cameras.json)")
            self.cameras, self.cameras_taken = drop("cameras-file"), piece(elem_id="cameras-known")
        self.stood = stood.Stood()
        self.onward = gr.Button("Continue", variant="primary", size="lg", visible=False, elem_id="to-reconstruct")

    @property
    def shown(self) -> list[Block]:
        """What `show_pair` changes besides the visitor."""
        single = [self.checks, self.takes, self.more, self.examples, self.tune, self.moment, self.trims]
        by_role = [*self.cards.values(), *self.whys.values(), *self.drops.values()]
        return [*by_role, *single, self.cameras_taken, self.onward, *self.stood.shown]


@dataclass(frozen=True)
class Checking:
    """The events that look at the two videos, and at those besides."""

    pair: Event
    further: Event

    def after(self, begun: Dependency) -> Dependency:
        return begun.success(**self.pair).success(**self.further)


def wire(page: Page, step: Videos) -> Checking:
    shown = [page.me, *step.shown]
    pair = personal(lambda me: check(page, step, me))
    others = personal(lambda me: further.looked(page, further.there(page, me)))
    checking = Checking(
        pair=event(pair, page.me, [step.checks, step.moment, *step.whys.values()], CHECK),
        further=event(others, page.me, step.takes, CHECK),
    )
    restore = event(personal(lambda me: show_pair(page, step, me)), page.me, shown)

    def patiently(trigger: Callable[..., Dependency], function: Callable, inputs: list[Block], sentence: str) -> None:
        """What takes its time: a line says so meanwhile, and what failed leaves the step as it was.

        function: the visitor with other videos, of the visitor and what else is in `inputs`."""

        @personal
        @wraps(function)  # by whose arguments Gradio tells whether it wants to know the press
        def act(me: Visitor, *given):
            return show_pair(page, step, function(me, *given))

        trigger(**event(lambda: waiting(sentence), None, step.checks))
        done = trigger(**event(act, inputs, shown, INTAKE))
        checking.after(done)
        done.failure(**restore).then(**checking.pair)

    def take_example(me: Visitor, press: gr.EventData):
        return with_example(page, me, pressed(press).get("name", ""))

    patiently(step.examples.select, take_example, [page.me], "Taking the videos")

    for role in ROLES:

        def take(me: Visitor, path: str | None, role: str = role):
            return me.with_videos(**{role: add_uploaded(page, me, path).id})

        @personal
        def leave(me: Visitor, press: gr.EventData, role: str = role):
            return show_pair(page, step, me.with_videos(**{role: ""}))

        patiently(step.drops[role].upload, take, [page.me, step.drops[role]], "Reading the video")
        step.cards[role].select(**event(leave, page.me, shown))

    def take_more(me: Visitor, paths: list[str] | None):
        return further.added(page, me, [uploaded(page, path) for path in paths or ()])

    patiently(step.more.upload, take_more, [page.me, step.more], "Reading the videos")

    @personal
    def change_further(me: Visitor, press: gr.EventData):
        me = further.changed(page, me, pressed(press))
        return {page.me: me, step.takes: further.cards(page, further.there(page, me)), **step.stood.hidden(me)}

    altered = step.takes.select(**event(change_further, page.me, [page.me, step.takes, *step.stood.shown], INTAKE))
    altered.success(**checking.further)
    altered.failure(**checking.further)  # what was typed is set back

    @personal
    def give_cameras(me: Visitor, path: str | None):
        try:
            with using(page, path) as file:
                count = page.service.library.add_cameras(page.owner(me), me.reference, me.freeze, file)
        except UserError as error:
            return note(str(error), "bad")
        return note(f"{count} cameras taken.", "good")

    given = step.cameras.upload(**event(give_cameras, [page.me, step.cameras], step.cameras_taken, INTAKE))
    emptied(given, step.cameras)
    given.success(**checking.pair)
    given.success(**event(personal(step.stood.hidden), page.me, step.stood.shown))

    def change(me: Visitor, press: gr.EventData):
        return trimmed(page, me, pressed(press))

    patiently(step.trims.select, change, [page.me], "Cutting the video")
    patiently(step.checks.select, change, [page.me], "Changing the videos")

    @personal
    def choose_moment(me: Visitor, press: gr.EventData):
        me = replace(me, canonical=number_in(pressed(press), "value"))
        return {page.me: me, **step.stood.hidden(me)}

    step.moment.select(**event(choose_moment, page.me, [page.me, *step.stood.shown]))
    stood.wire(page, step.stood)
    return checking


def swapped(me: Visitor) -> Visitor:
    """The two videos in each other's place."""
    return me.with_videos(reference=me.freeze, freeze=me.reference)


def trimmed(page: Page, me: Visitor, sent: dict[str, str]) -> Visitor:
    """The visitor with one of the two videos cut to the frames that were sent, or with both exchanged."""
    if sent.get("action") == "swap":
        return swapped(me)
    role = sent.get("role", "")
    if role not in ROLES:
        raise UserError("Choose which of the videos to trim.")
    first, last = number_in(sent, "first"), number_in(sent, "last")
    if last < first:
        raise UserError("The last frame comes before the first one. Move the sliders.")
    return me.with_videos(**{role: page.service.library.trim(page.owner(me), me.video(role), first, last).id})


def with_example(page: Page, me: Visitor, name: str) -> Visitor:
    """The visitor with an example's two videos chosen."""
    reference, freeze = page.service.library.add_example(page.owner(me), name)
    return me.with_videos(reference=reference.id, freeze=freeze.id, further=[], example=name)


def show_pair(page: Page, step: Videos, me: Visitor) -> Updates:
    """The visitor, and everything in this step for what they have chosen, the checks still to come."""
    me, owner = further.there(page, me), page.owner(me)
    videos = {role: page.service.library.video(owner, me.video(role)) if me.video(role) else None for role in ROLES}
    both = all(videos.values())
    change: Updates = {page.me: me}
    for role, video in videos.items():
        change |= {step.cards[role]: card(role, video, owner), step.whys[role]: ""}
        change[step.drops[role]] = gr.update(visible=video is None, value=None)
    return change | {
        step.checks: waiting("Looking at both videos") if both else "",
        step.takes: further.cards(page, me),
        step.more: gr.update(value=None, visible=len(me.further) < MOST_TAKES),
        step.examples: pieces("videos").examples(page.service.library.examples(), me.example, any(videos.values())),
        step.tune: gr.update(visible=both),
        step.moment: "",
        step.trims: joined(trimmer(role, video, owner) for role, video in videos.items() if video) if both else "",
        step.cameras_taken: "",
        step.onward: gr.update(visible=both),
        **step.stood.hidden(me),
    }


def check(page: Page, step: Videos, me: Visitor) -> Updates:
    """The verdicts, the frozen moment, and the reasons on the two cards.

    Nothing else: it may come while somebody is typing in the next step.
    """
    if not me.has_pair:
        return {}
    owner = page.owner(me)
    checks = page.service.inspections.check(owner, me.reference, me.freeze)
    reference, freeze = (page.service.library.video(owner, me.video(role)) for role in ROLES)
    chosen = me.canonical if me.canonical is not None else checks.canonical_frame
    return {
        step.checks: verdict_list(checks),
        step.moment: freeze_slider("The moment that the freeze-time video shows", reference, owner, chosen or 0),
        step.whys["reference"]: reasons("reference", reference, freeze, owner, checks),
        step.whys["freeze"]: reasons("freeze", freeze, reference, owner, checks),
    }
