"""The studies of a visitor and the pairs of a new one, in HTML."""

import time

from markupsafe import Markup

from fourreal.study.results import Results
from fourreal.study.values import Study
from fourreal.web.markup import joined, pieces
from fourreal.web.parts import Page
from fourreal.web.session import Visitor
from fourreal.web.study_routes import results_url, study_url


def cards(page: Page, me: Visitor) -> Markup:
    """A person's studies, with their links."""
    owner, studies = page.owner(me), page.service.studies
    return joined(card(study, studies.results(owner, study.id)) for study in studies.studies(owner))


def card(study: Study, results: Results) -> Markup:
    when = time.strftime("%d %b %H:%M", time.localtime(study.created))
    count = lambda number, what: f"{number} {what}{'' if number == 1 else 's'}"
    turnout = "nobody has answered yet"
    if results.raters:
        turnout = f"{count(results.raters, 'rater')}, of whom {results.finished} answered everything"
    about = f"{count(len(study.pairs), 'pair')}, {count(study.answers(), 'question')} · {when} · {turnout}"
    films = (film for pair in study.pairs for film in (pair.first, pair.second) if film.note)
    notes = sorted({f"{film.method}: {film.note}." for film in films})
    return pieces("study").card(study, about, notes[:4], study_url(study.id), results_url(study))
