"""What the steps of the page share: the service behind it, the components that more than one of them changes, and how
their events run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from fourreal.description import usual_preset
from fourreal.jobs.service import Service
from fourreal.settings import JobLimits
from fourreal.web.cursor import fresh
from fourreal.web.session import Visitor, safely
from fourreal.web.uploads import Uploads
from fourreal.web.way import NEW, OF_A_NEW_SCENE, After, Step

Event = dict[str, Any]  # arguments of a trigger: what runs, with what it reads and what it changes, and in which lane
Updates = dict[Block, Any]  # what an event changes
Then = Callable[[Dependency], Dependency]  # what follows an event that went well

# How the page's own events are wired: none is part of the API, and none waits for another person's.
PRIVATE: Event = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
# What waits for a child process has a lane for each kind, so that a crowd in one leaves room in the others. The service
# gives turns and refuses whoever has too many; a lane is wider than that, as a refusal has to get through.
LIMITS = JobLimits()
SPARE = 4
MOST_IN = {
    "intakes": LIMITS.intakes.held + SPARE,
    "checks": LIMITS.checks.held + SPARE,
    "exports": LIMITS.exports.held + SPARE,
    "estimates": 8,
    "placings": LIMITS.placings.held + SPARE,
    "studies": LIMITS.studies.held + SPARE,
}
LANES: dict[str, Event] = {name: {"concurrency_id": name, "concurrency_limit": most} for name, most in MOST_IN.items()}
INTAKE, CHECK, EXPORT, ESTIMATE, PLACING, STUDYING = (PRIVATE | lane for lane in LANES.values())
THREADS = 40 + sum(MOST_IN.values())  # what waits in a lane holds one


def event(function: Callable | None, inputs: Any = None, outputs: Any = None, lane: Event = PRIVATE) -> Event:
    """An event for any trigger, `trigger(**event(...))`: its errors become sentences."""
    return {"fn": function and safely(function), "inputs": inputs, "outputs": outputs, **lane}


@dataclass(frozen=True)
class Page:
    """What every step has at hand.

    choice: what is on the stage while there is something to choose. tabs: of the panel. steps: those of a new scene.
    timer: ticks while a run is watched; cursor: what of its journal has been shown. making: ticks while candidates are
    made; seen: what of them has been shown.
    """

    service: Service
    uploads: Uploads
    me: gr.BrowserState
    viewer: gr.HTML
    choice: gr.HTML
    caption: gr.HTML
    tabs: gr.Tabs
    steps: gr.Tabs
    timer: gr.Timer
    cursor: gr.State
    making: gr.Timer
    seen: gr.State

    def owner(self, me: Visitor) -> str:
        """Whose things an event is about."""
        return self.service.owner(me.token)

    @property
    def places(self) -> list[Block]:
        """What `to` changes."""
        return [self.tabs, self.steps]

    def to(self, step: Step) -> Updates:
        """Turn the panel to a step."""
        if step not in OF_A_NEW_SCENE:
            return {self.tabs: gr.Tabs(selected=step.value)}
        return {self.tabs: gr.Tabs(selected=NEW), self.steps: gr.Tabs(selected=step.value)}

    @property
    def following(self) -> list[Block]:
        """What `follow` changes."""
        return [self.me, self.timer, self.cursor, *self.places]

    def follow(self, me: Visitor, run: str) -> Updates:
        """Turn the page to a run that is worked on."""
        change: Updates = {self.me: replace(me, run=run), self.timer: gr.Timer(active=True), self.cursor: fresh(run)}
        return change | self.to(After.BEGINNING_A_RUN)

    def suited_preset(self) -> str:
        """The preset that this machine is for, as the command line would choose."""
        return usual_preset(any(device["kind"] == "cuda" for device in self.service.workspace.devices()))
