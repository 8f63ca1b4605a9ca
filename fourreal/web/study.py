"""Study: let people say which of two films is better, without knowing whose is whose."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.studies import Source
from fourreal.study.values import LONGEST_NAME, LONGEST_PROMPT, MOST_PAIRS, one_line
from fourreal.web.dropped import add_uploaded, drop, emptied
from fourreal.web.markup import heading, note, piece, pieces, pressed, waiting
from fourreal.web.parts import INTAKE, STUDYING, Event, Page, event
from fourreal.web.session import Visitor, personal, visitor
from fourreal.web.study_boxes import cards

LEAD = "People see two videos and pick one, without knowing whose is whose."
OURS, THEIRS = "Ours", "Other"


class Form:
    """What a pair is put together with. other: a video of another method, dropped for this pair."""

    def __init__(self) -> None:
        method: dict[str, Any] = {"label": "Method", "max_length": LONGEST_NAME, "min_width": 90, "scale": 1}
        with gr.Row(elem_classes="study-side"):
            self.first = gr.Dropdown([], label="Scene or video", elem_id="study-first", scale=3)
            self.first_name = gr.Textbox(OURS, elem_id="study-first-name", **method)
        with gr.Row(elem_classes="study-side"):
            self.second = gr.Dropdown([], label="Against", elem_id="study-second", scale=3)
            self.second_name = gr.Textbox(THEIRS, elem_id="study-second-name", **method)
        heading("Or against a video of another method")
        self.other = drop("study-video", "Upload for this pair", height=110)
        self.prompt = gr.Textbox(
            label="Text that both show",
            info="Leave it empty to skip the question about text.",
            max_length=LONGEST_PROMPT,
            elem_id="study-prompt",
        )
        self.add = gr.Button("Add this pair", elem_id="study-add")


class MakeStudy:
    """mine: the studies that are there. pairs: those of the new one, listing: where they are seen."""

    def __init__(self) -> None:
        gr.Markdown(LEAD, elem_classes="lead")
        self.mine = piece(elem_id="studies-made")
        with gr.Accordion("New study", open=True, elem_id="study-new"):
            self.form, self.pairs = Form(), gr.State([])
            self.listing = piece(elem_id="study-pairs")
            self.name = gr.Textbox(
                label="Name",
                info="Raters do not see it.",
                max_length=LONGEST_NAME,
                value="My study",
                elem_id="study-name",
            )
            self.make = gr.Button("Make the study", variant="primary", interactive=False, elem_id="study-make")
            self.status = piece(elem_id="study-said")


def wire(page: Page, step: MakeStudy) -> Event:
    """The event that lists what a study can be made of, and the studies that are there."""
    form = step.form

    def listed(me: Visitor) -> list[Source]:
        return page.service.studies.sources(page.owner(me))

    @personal
    def list_all(me: Visitor, one: str | None, two: str | None):
        sources = listed(me)
        choices, ids = choices_of(sources), [source.id for source in sources]
        one = one if one in ids else next(iter(ids), None)
        two = two if two in ids else None
        update = lambda value: gr.update(choices=choices, value=value)
        return {form.first: update(one), form.second: update(two), step.mine: cards(page, me)}

    @personal
    def take(me: Visitor, path: str | None):
        video = add_uploaded(page, me, path)
        return gr.update(choices=choices_of(listed(me)), value=video.id)

    emptied(form.other.upload(**event(take, [page.me, form.other], form.second, INTAKE)), form.other)

    @personal
    def add(me: Visitor, pairs: list, *values: Any):
        pair = pair_of(listed(me), *values)
        if len(pairs) >= MOST_PAIRS:
            raise UserError(f"A study has at most {MOST_PAIRS} pairs.")
        return shown([*pairs, pair]) | {form.second: None, form.prompt: ""}

    def remove(pairs: list, press: gr.EventData):
        number = pressed(press).get("pair", "")
        return shown([pair for place, pair in enumerate(pairs) if str(place) != number])

    def shown(pairs: list) -> dict:
        return {
            step.pairs: pairs,
            step.listing: pieces("study").pairs(pairs),
            step.make: gr.update(interactive=bool(pairs)),
        }

    seen = [step.pairs, step.listing, step.make]
    values = [form.first, form.first_name, form.second, form.second_name, form.prompt]
    form.add.click(**event(add, [page.me, step.pairs, *values], [*seen, form.second, form.prompt]))
    step.listing.select(**event(remove, step.pairs, seen))

    def make(stored: object, pairs: list, name: str):
        me, request = visitor(stored), {"name": name, "pairs": pairs}
        yield {step.status: waiting("The study is being made"), step.make: gr.update(interactive=False)}
        for sentence in sentences_of(lambda say: page.service.studies.make(page.owner(me), request, say)):
            yield {step.status: waiting(sentence)}
        ready = note("The study is ready. Its link is above.", "good")
        yield {step.status: ready, step.pairs: [], step.listing: "", step.mine: cards(page, me)}

    outputs = [step.status, step.mine, *seen]
    making = step.make.click(**event(make, [page.me, step.pairs, step.name], outputs, STUDYING))
    making.failure(**event(lambda: ["", gr.update(interactive=True)], None, [step.status, step.make]))

    @personal
    def act(me: Visitor, press: gr.EventData):
        sent = pressed(press)
        if sent.get("action") == "delete":
            page.service.studies.delete(page.owner(me), sent.get("study", ""))
        return cards(page, me)

    step.mine.select(**event(act, page.me, step.mine))
    return event(list_all, [page.me, form.first, form.second], [form.first, form.second, step.mine])


def choices_of(sources: list[Source]) -> list[tuple[str, str]]:
    return [(source.title, source.id) for source in sources]


def pair_of(
    sources: list[Source], first: str | None, first_name: str, second: str | None, second_name: str, prompt: str
) -> dict:
    """What the fields say, as `make` wants it, with titles for the list."""
    titles = {source.id: source.title for source in sources}
    if first not in titles or second not in titles:
        raise UserError("Choose two scenes or videos for the pair.")
    names = [one_line(name or "", LONGEST_NAME) for name in (first_name, second_name)]
    if first == second or not all(names) or names[0] == names[1]:
        raise UserError("A pair has two different videos, of two methods with different names.")
    sides = [
        {"method": name, "source": source, "title": titles[source]}
        for name, source in zip(names, (first, second), strict=True)
    ]
    return {"prompt": one_line(prompt or "", LONGEST_PROMPT), "first": sides[0], "second": sides[1]}


def sentences_of(work: Callable[[Callable[[str], None]], object]) -> Iterator[str]:
    """What `work(say)` says while it goes on, in a thread of its own; its error is raised in the end."""
    updates: queue.Queue = queue.Queue()
    errors: list[Exception] = []

    def run() -> None:
        try:
            work(updates.put)
        except Exception as error:
            errors.append(error)
        updates.put(None)

    threading.Thread(target=run, daemon=True, name="study").start()
    last = ""
    while (sentence := updates.get()) is not None:
        if sentence and sentence != last:
            last = sentence
            yield sentence
    if errors:
        raise errors[0]
