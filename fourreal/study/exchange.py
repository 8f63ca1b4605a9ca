"""Votes as files: what a rater saves without a page, what came from elsewhere, and the table of all that were given."""

import csv
import io
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.study.values import Study
from fourreal.study.votes import LONGEST_TOKEN, Vote, check, rater_of

MOST_BYTES = 16 * 1024**2
COLUMNS = ("rater", "pair", "prompt", "question", "preferred", "other", "on_left", "time")


def read_votes(study: Study, path: Path) -> list[Vote]:
    """The votes in a file: the JSON that a rater saved, or a CSV with rater, pair, question and preferred.

    preferred: a method of the pair, or the file's name; `rater` any name, `pair` counts from 0.
    Raises UserError, naming the row that is none.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path.name} is larger than any file of votes: give another.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): give a JSON or CSV file of votes.") from error
    if path.suffix.lower() == ".json":
        return _from_json(study, path, text)
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise UserError(f"{path.name} holds no votes: give a CSV with rater, pair, question and preferred.")
    return [_from_row(study, f"{path.name}, row {number}", row) for number, row in enumerate(rows, 2)]


def _from_json(study: Study, path: Path, text: str) -> list[Vote]:
    try:
        saved = json.loads(text)
        if saved["study"] != study.id:
            raise UserError(f"{path.name} answers another study: import it there.")
        rater = rater_of(saved["rater"])
        return [vote_of(study, rater, one) for one in saved["votes"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{path.name} is not what a rater's page saves ({error!r}): ask for it once more.") from error


def vote_of(study: Study, rater: str, values: Mapping[str, Any]) -> Vote:
    """A vote as the raters' page writes it: {pair, question, clip, left}. Raises UserError where it is none."""
    if not isinstance(values, Mapping):
        raise UserError("A vote is an object {pair, question, clip, left}.")
    pair, question, clip = (values.get(name) for name in ("pair", "question", "clip"))
    if type(pair) is not int or not isinstance(question, str) or not isinstance(clip, str):
        raise UserError("A vote is an object {pair, question, clip, left}.")
    vote = Vote(
        rater=rater, pair=pair, question=question, clip=clip, on_left=values.get("left") is True, when=time.time()
    )
    check(study, vote)
    return vote


def _from_row(study: Study, where: str, row: Mapping[str, str]) -> Vote:
    if any(not row.get(name) for name in ("rater", "pair", "question", "preferred")):
        raise UserError(f"{where} lacks a value: each row needs rater, pair, question and preferred.")
    number, preferred = row["pair"], row["preferred"]
    if not (number.isascii() and number.isdigit() and int(number) < len(study.pairs)):
        raise UserError(f"{where}: there is no pair {number}; they are 0 to {len(study.pairs) - 1}.")
    pair = study.pairs[int(number)]
    film = next((one for one in (pair.first, pair.second) if preferred in (one.method, one.clip)), None)
    if film is None:
        raise UserError(f"{where}: pair {number} is between {pair.first.method} and {pair.second.method}.")
    if row["question"] not in pair.questions:
        raise UserError(f"{where}: pair {number} has no question {row['question']}, only {', '.join(pair.questions)}.")
    rater, side = rater_of(f"imported rater: {row['rater']}"[:LONGEST_TOKEN]), {"1": True, "0": False}
    return Vote(
        rater=rater,
        pair=int(number),
        question=row["question"],
        clip=film.clip,
        on_left=side.get(row.get("on_left") or ""),
        when=time.time(),
    )


def table(study: Study, votes: Iterable[Vote]) -> str:
    """All votes as CSV, the films by their methods. Raters are numbers: a hash would lead back to a browser."""
    out = io.StringIO()
    numbers: dict[str, str] = {}
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for vote in votes:
        pair = study.pairs[vote.pair]
        film = pair.film(vote.clip)
        other = pair.second if film == pair.first else pair.first
        rater = numbers.setdefault(vote.rater, f"rater-{len(numbers) + 1}")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(vote.when))
        text = (safe_cell(cell) for cell in (pair.prompt, vote.question, film.method, other.method))
        prompt, question, preferred, beside = text
        side = "" if vote.on_left is None else int(vote.on_left)
        rows.writerow((rater, vote.pair, prompt, question, preferred, beside, side, when))
    return out.getvalue()


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text
