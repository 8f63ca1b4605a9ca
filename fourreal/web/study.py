"""Study: let people say which of two films is better, without knowing whose is whose."""

import queue
import threading
import time

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.studies import Source
from fourreal.study.results import Results
from fourreal.study.values import LONGEST_NAME, LONGEST_PROMPT, MOST_PAIRS, Study, one_line
from fourreal.web.markup import button, note, piece, pressed, tag, text, waiting
from fourreal.web.parts import INTAKE, PRIVATE, STUDYING, Parts
from fourreal.web.session import known, safely
from fourreal.web.study_routes import results_url, study_url
from fourreal.web.videos import uploaded

LEAD = "People see two videos at a time, A and B, and pick one. Nothing tells them which is yours."
OURS, THEIRS = "Ours", "Other"
COPY = """const link = new URL(this.dataset.link, document.baseURI).href;
if (navigator.clipboard) navigator.clipboard.writeText(link).then(() => { this.textContent = 'Copied'; });
else window.prompt('The link for raters:', link);"""  # without TLS a browser offers no clipboard


def build(page: Parts) -> None:
    gr.Markdown(LEAD, elem_classes="lead")
    mine = piece(elem_id="studies-made")
    with gr.Accordion("New study", open=True, elem_id="study-new"):
        fields = _fields()
        first, first_name, second, second_name, other, prompt, add = fields
        pairs = gr.State([])
        listing = piece(elem_id="study-pairs")
        name = gr.Textbox(
            label="Name",
            info="For you. Who answers does not see it.",
            max_length=LONGEST_NAME,
            value="My study",
            elem_id="study-name",
        )
        make = gr.Button("Make the study", variant="primary", interactive=False, elem_id="study-make")
        status = piece(elem_id="study-said")

    def listed(me: dict) -> list[Source]:
        return page.service.studies.sources(page.owner(me))

    @safely
    def sources(me: dict, one: str | None, two: str | None):
        me = known(me)
        offers = listed(me)
        choices, ids = [(source.title, source.id) for source in offers], [source.id for source in offers]
        one = one if one in ids else next(iter(ids), None)
        update = lambda value: gr.update(choices=choices, value=value)
        return [update(one), update(two if two in ids else None), cards(page, me)]

    page.named["sources_event"] = {
        "fn": sources,
        "inputs": [page.me, first, second],
        "outputs": [first, second, mine],
        **PRIVATE,
    }

    @safely
    def take(me: dict, path: str | None):
        me, file = known(me), uploaded(page, path)
        try:
            taken = page.service.library.add_video(page.owner(me), file, file.name)
        finally:
            page.uploads.forget(file)
        return gr.update(choices=[(source.title, source.id) for source in listed(me)], value=taken.id)

    other.upload(take, [page.me, other], second, **INTAKE).then(lambda: None, None, other, **PRIVATE)

    @safely
    def put(me: dict, so_far: list, *values: str | None):
        pair = _pair(listed(known(me)), *values)
        if len(so_far) >= MOST_PAIRS:
            raise UserError(f"A study has at most {MOST_PAIRS} pairs.")
        so_far = [*so_far, pair]
        return [so_far, table(so_far), gr.update(interactive=True), None, ""]

    add.click(
        put,
        [page.me, pairs, first, first_name, second, second_name, prompt],
        [pairs, listing, make, second, prompt],
        **PRIVATE,
    )

    @safely
    def drop(so_far: list, event: gr.EventData):
        number = int(pressed(event).get("pair", "-1"))
        so_far = [pair for place, pair in enumerate(so_far) if place != number]
        return [so_far, table(so_far), gr.update(interactive=bool(so_far))]

    listing.select(drop, pairs, [pairs, listing, make], **PRIVATE)

    def made(me: dict, so_far: list, called: str):
        me = known(me)
        request = {"name": called, "pairs": so_far}
        yield [waiting("The study is being made"), gr.update(interactive=False), gr.skip(), gr.skip(), gr.skip()]
        for sentence in _told(lambda telling: page.service.studies.make(page.owner(me), request, telling)):
            yield [waiting(sentence), gr.skip(), gr.skip(), gr.skip(), gr.skip()]
        yield [note("The study is ready. Its link is above.", "good"), gr.skip(), [], "", cards(page, me)]

    make.click(_safely_told(made), [page.me, pairs, name], [status, make, pairs, listing, mine], **STUDYING).failure(
        lambda: ["", gr.update(interactive=True)], None, [status, make], **PRIVATE
    )

    @safely
    def act(me: dict, event: gr.EventData):
        me, sent = known(me), pressed(event)
        if sent.get("action") == "delete":
            page.service.studies.delete(page.owner(me), sent.get("study", ""))
        return cards(page, me)

    mine.select(act, page.me, mine, **PRIVATE)


def _fields() -> list:
    """What a pair is put together with."""
    method = {"max_length": LONGEST_NAME, "min_width": 90, "scale": 1}
    with gr.Row(elem_classes="study-side"):
        first = gr.Dropdown([], label="Scene or video", elem_id="study-first", scale=3)
        first_name = gr.Textbox(OURS, label="Method", elem_id="study-first-name", **method)
    with gr.Row(elem_classes="study-side"):
        second = gr.Dropdown([], label="Against", elem_id="study-second", scale=3)
        second_name = gr.Textbox(THEIRS, label="Method", elem_id="study-second-name", **method)
    gr.HTML("<h4>Or against a video of another method</h4>", padding=False, apply_default_css=False)
    other = gr.File(
        label="Upload for this pair",
        show_label=False,
        file_count="single",
        type="filepath",
        height=110,
        elem_id="study-video",
        elem_classes="drop",
    )
    prompt = gr.Textbox(
        label="Text that both show",
        info="Without one, nobody is asked which shows the text better.",
        max_length=LONGEST_PROMPT,
        elem_id="study-prompt",
    )
    return [first, first_name, second, second_name, other, prompt, gr.Button("Add this pair", elem_id="study-add")]


def _pair(
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


def _told(work):
    """What `work(telling)` tells while it goes on, in a thread of its own; its error is raised in the end."""
    updates: queue.Queue = queue.Queue()
    end: list[BaseException | None] = []

    def run() -> None:
        try:
            work(updates.put)
            end.append(None)
        except Exception as error:
            end.append(error)
        updates.put(None)

    threading.Thread(target=run, daemon=True, name="study").start()
    last = ""
    while (sentence := updates.get()) is not None:
        if sentence and sentence != last:
            last = sentence
            yield sentence
    if end[0] is not None:
        raise end[0]


def _safely_told(function):
    """`session.safely` for what tells in between."""

    def guarded(*arguments):
        going = function(*arguments)
        step = safely(lambda: next(going, None))
        while (update := step()) is not None:
            yield update

    return guarded


# --- Markup ----------------------------------------------------------------------------------------------------------


def table(pairs: list[dict]) -> str:
    """The pairs so far."""
    rows = [
        tag(
            "li",
            tag("span", tag("b", text(pair["first"]["method"])), ": ", text(pair["first"]["title"])),
            " against ",
            tag("span", tag("b", text(pair["second"]["method"])), ": ", text(pair["second"]["title"])),
            tag("i", text(f"“{pair['prompt']}”")) if pair["prompt"] else "",
            button("Remove", "drop", "quiet danger", pair=number),
        )
        for number, pair in enumerate(pairs)
    ]
    return tag("ol", *rows, class_="study-pairs") if rows else ""


def cards(page: Parts, me: dict) -> str:
    """A person's studies, with their links."""
    owner = page.owner(me)
    studies = page.service.studies.studies(owner)
    return "".join(card(study, page.service.studies.results(owner, study.id)) for study in studies)


def card(study: Study, results: Results) -> str:
    when = time.strftime("%d %b %H:%M", time.localtime(study.created))
    count = lambda number, what: f"{number} {what}{'' if number == 1 else 's'}"
    turnout = "nobody has answered yet"
    if results.raters:
        turnout = f"{count(results.raters, 'rater')}, of whom {results.finished} answered everything"
    about = f"{count(len(study.pairs), 'pair')}, {count(study.answers(), 'question')} · {when} · {turnout}"
    how = {"target": "_blank", "rel": "noopener", "class_": "save"}
    links = [
        tag(
            "button",
            "Copy the link for raters",
            type="button",
            class_="act",
            data_link=study_url(study.id),
            onclick=COPY,
        ),
        tag("a", "See what they see", href=study_url(study.id), **how),
        tag("a", "Results", href=results_url(study), **how),
        button(
            "Delete",
            "delete",
            "quiet danger",
            study=study.id,
            confirm=f"Delete “{study.name}” and its answers? This cannot be undone.",
        ),
    ]
    notes = sorted(
        {f"{film.method}: {film.note}." for pair in study.pairs for film in (pair.first, pair.second) if film.note}
    )
    return tag(
        "article",
        tag("b", text(study.name)),
        tag("p", text(about), class_="quiet"),
        *map(note, notes[:4]),
        tag("div", *links, class_="links"),
        class_="study-card",
    )
