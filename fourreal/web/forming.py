"""The chip that says, wherever one is on the page, that a scene is forming, and how long it still takes."""

import gradio as gr

from fourreal.jobs.how_far import whole
from fourreal.jobs.values import Run
from fourreal.web.markup import button, piece, pressed, tag
from fourreal.web.parts import Event, Page, event
from fourreal.web.session import Visitor, personal

SECONDS = 3.0  # between two looks


class Forming:
    def __init__(self) -> None:
        self.chip = piece(elem_id="forming")
        self.timer = gr.Timer(SECONDS, active=False)


def wire(page: Page, chip: Forming, follow: Event) -> Event:
    """The event that looks whether anything is forming. follow: the event that shows a run."""

    @personal
    def look(me: Visitor):
        run = forming(page, page.owner(me))
        return {chip.chip: chip_of(page, run) if run else "", chip.timer: gr.Timer(active=run is not None)}

    @personal
    def open_it(me: Visitor, press: gr.EventData):
        """To the scene that is forming, whatever else is shown."""
        return page.follow(me, page.service.runs.get(page.owner(me), pressed(press).get("id", "")).id)

    looking = event(look, page.me, [chip.chip, chip.timer])
    chip.timer.tick(**looking)
    chip.chip.select(**event(open_it, page.me, page.following)).success(**follow)
    return looking


def forming(page: Page, owner: str) -> Run | None:
    """The scene of a person that is worked on; else the one that waits longest."""
    live = [run for run in page.service.runs.all(owner) if run.state in ("running", "queued")]
    return min(live, key=lambda run: (run.state != "running", run.created), default=None)


def chip_of(page: Page, run: Run) -> str:
    if run.state == "queued":
        whose, words = "Your scene ", "waits in line"
    else:
        left = left_in_words(how_far(page, run)[1])
        whose, words = "Your scene is ", "forming" + (f", {left}" if left else "")
    return button(tag("span", whose, class_="whose") + words, "follow", "chip", id=run.id)


def how_far(page: Page, run: Run) -> tuple[float, float | None]:
    """(share of the run that is done, seconds left or None)."""
    done = whole(run, run.options.preset or page.suited_preset())
    return done.share, done.seconds_left


def left_in_words(seconds: float | None) -> str:
    """ "about 2 min left", as rough as it is known; "" where it is not."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes >= 90:
        return f"about {round(minutes / 60)} h left"
    return f"about {minutes} min left" if minutes else "less than a minute left"
