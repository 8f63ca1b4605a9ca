"""Sweeps: what the owner of the page has had made of many prompts, as a gallery that follows it."""

import hashlib
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fourreal.errors import UserError
from fourreal.sweep.watching import SCENE, Watched
from fourreal.web import things
from fourreal.web.compare import MOST, Compare, alone, chosen_of
from fourreal.web.markup import piece, pressed
from fourreal.web.parts import Event, Page, Updates, event
from fourreal.web.session import Visitor, personal
from fourreal.web.sweep_cards import drawn
from fourreal.web.sweep_folders import sweep_run, sweeps
from fourreal.web.sweep_runs import FILTERS, alike, filtered, values_of
from fourreal.web.way import After

FOLLOW_SECONDS = 4.0
EVERY = ("All", "")
AT_ONCE = 24  # cards, and so many more with each press
Chosen = list[str | None]  # the sweep's key, a value of each filter, words


class Sweeps:
    """which: of the sweeps. filters: by the axes' names. count: how many cards are shown; seen: a digest of them.
    timer: ticks while the gallery is open."""

    def __init__(self) -> None:
        names = [(watched.name, key) for key, watched in sweeps().items()]
        with gr.Row(elem_id="sweep-filters"):
            self.which = gr.Dropdown(
                names, value=names[0][1], label="Sweep", visible=len(names) > 1, min_width=110, elem_id="sweep-which"
            )
            self.filters = {
                name: gr.Dropdown([EVERY], value="", label=axis.title, min_width=110, elem_id=f"sweep-{name}")
                for name, axis in FILTERS.items()
            }
            self.words = gr.Textbox(label="Prompt", max_length=100, min_width=110, elem_id="sweep-words")
        self.gallery = piece(elem_id="sweep")
        self.count, self.seen = gr.State(AT_ONCE), gr.State("")
        self.timer = gr.Timer(FOLLOW_SECONDS, active=False)

    @property
    def choosing(self) -> list[Any]:
        """The components of a `Chosen`."""
        return [self.which, *self.filters.values(), self.words]


@dataclass(frozen=True)
class Following:
    """The events that open the gallery and leave it."""

    open: Event
    leave: Event


def wire(page: Page, step: Sweeps, compare: Compare) -> Following:
    def shown(chosen: Chosen, count: int) -> tuple[str, str]:
        """The gallery as it is now, and its digest."""
        watched, (_, *values, words) = sweep_of(chosen), chosen
        look = watched.look()
        runs = filtered(look.runs, dict(zip(step.filters, values, strict=True)), words or "")
        html = str(drawn(watched, look, runs, count))
        return html, hashlib.sha256(html.encode()).hexdigest()

    def gallery(chosen: Chosen, count: int) -> Updates:
        html, seen = shown(chosen, count)
        return {step.gallery: html, step.seen: seen, step.count: count}

    def choose_sweep(which: str | None) -> Updates:
        """The gallery of a sweep, and what its runs can be filtered by."""
        chosen: Chosen = [which, *[""] * len(step.filters), ""]
        look = sweep_of(chosen).look()
        change: Updates = {step.words: ""}
        for name, axis in FILTERS.items():
            values = values_of(look.runs, axis)
            choices = [EVERY, *((value, value) for value in values)]
            change[step.filters[name]] = gr.update(choices=choices, value="", visible=len(values) > 1)
        return change | gallery(chosen, AT_ONCE)

    def follow(seen: str, count: int, *chosen: str | None) -> Updates:
        """What changed since, mostly nothing."""
        html, now = shown(list(chosen), count)
        return gr.skip() if now == seen else {step.gallery: html, step.seen: now}

    @personal
    def act(me: Visitor, press: gr.EventData, count: int, *chosen: str | None):
        sent = pressed(press)
        action = sent.get("action")
        if action == "more":
            return gallery(list(chosen), min(count, 10**6) + AT_ONCE)
        watched, run = sweep_run(sweep_of(list(chosen)).key, sent.get("run", ""))
        if action == "open":
            return alone(page, me, things.thing(page.service, "", things.of_sweep(watched.key, run.key)))
        if action == "compare":
            near = [one for one in alike(watched.look().runs, run, MOST) if watched.has(one, SCENE)]
            if len(near) < 2:
                raise UserError("There is only one of these scenes so far. Wait for another one.")
            names = [things.of_sweep(watched.key, one.key) for one in near]
            return {compare.things: chosen_of(page, page.owner(me), names), **page.to(After.ASKING_TO_COMPARE)}
        return {}

    now = [step.gallery, step.seen, step.count]
    step.which.input(**event(choose_sweep, step.which, [*step.filters.values(), step.words, *now]))
    narrow = event(lambda *chosen: gallery(list(chosen), AT_ONCE), step.choosing, now)
    for field in step.filters.values():
        field.input(**narrow)
    step.words.input(**narrow)
    step.timer.tick(**event(follow, [step.seen, step.count, *step.choosing], [step.gallery, step.seen]))
    outputs = [page.viewer, page.caption, *page.places, compare.things, *now]
    step.gallery.select(**event(act, [page.me, step.count, *step.choosing], outputs))
    return Following(
        open=event(
            lambda which: choose_sweep(which) | {step.timer: gr.Timer(active=True)},
            step.which,
            [*step.filters.values(), step.words, *now, step.timer],
        ),
        leave=event(lambda: gr.Timer(active=False), None, step.timer),
    )


def sweep_of(chosen: Chosen) -> Watched:
    """The sweep that is chosen. Raises UserError where that is no more."""
    try:
        return sweeps()[chosen[0] or ""]
    except KeyError:
        raise UserError("There is no such sweep. Reload the page.") from None
