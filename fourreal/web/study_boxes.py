"""The studies of a visitor and the pairs of a new one, in HTML."""

import time

from fourreal.study.results import Results
from fourreal.study.values import Study
from fourreal.web.markup import button, note, tag, text
from fourreal.web.parts import Page
from fourreal.web.session import Visitor
from fourreal.web.study_routes import results_url, study_url

COPY = """const link = new URL(this.dataset.link, document.baseURI).href;
if (navigator.clipboard) navigator.clipboard.writeText(link).then(() => { this.textContent = 'Copied'; });
else window.prompt('The link for raters:', link);"""  # without TLS a browser offers no clipboard


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


def cards(page: Page, me: Visitor) -> str:
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
