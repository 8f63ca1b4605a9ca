"""The gallery of a sweep, in HTML."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fourreal.sweep.runs import DONE, RUNNING
from fourreal.sweep.watching import PICTURE, SCENE, Look, Seen, Watched
from fourreal.web.compare import MOST
from fourreal.web.markup import note, pieces
from fourreal.web.sweep_folders import sweep_urls
from fourreal.web.sweep_runs import STATES, made_of, stage_in_words
from fourreal.web.words import duration

NO_VIEWER = "Its file for the viewer is missing. The owner of this page can write it, see docs/scale.md."


@dataclass(frozen=True)
class Card:
    """A run as it is shown. opens: whether its scene can be seen. ways: how many there are to compare with it."""

    key: str
    prompt: str
    made_of: str
    state: str
    said: str
    how_far: str
    share: float | None
    why: str
    opens: bool
    picture: str
    ways: int


def drawn(watched: Watched, look: Look, runs: Sequence[Seen], count: int) -> Markup:
    """The first `count` of `runs`, which are those of the look that are to be seen, and how far the whole sweep is."""
    if look.problem:
        return note(look.problem, "bad")
    counts = Counter(run.state for run in look.runs)
    states = ", ".join(f"{counts[state]} {words.lower()}" for state, words in STATES.items() if counts[state])
    head = f"{states} of {len(look.runs)}." + (f" {len(runs)} shown." if len(runs) < len(look.runs) else "")
    ways = Counter(run.name for run in look.runs if run.state == DONE)
    cards = [card(watched, look, run, ways[run.name]) for run in runs[:count]]
    nothing = "" if cards else "None is like that. Choose fewer filters."
    more = min(count, len(runs) - count)
    return pieces("sweeps").gallery(cards, head, look.left_out, max(more, 0), nothing)


def card(watched: Watched, look: Look, run: Seen, made: int) -> Card:
    """made: how many ways of making its prompt are done."""
    done, making = run.state == DONE, run.state == RUNNING
    opens = done and watched.has(run, SCENE)
    share = f", {run.share:.0%}" if run.share is not None else ""
    return Card(
        key=run.key,
        prompt=run.item.prompt or "A pair of videos",
        made_of=made_of(run),
        state=run.state,
        said=STATES[run.state],
        how_far=stage_in_words(run) + share
        if making
        else f"in {duration(run.seconds)}"
        if done and run.seconds
        else "",
        share=run.share if making else None,
        why=NO_VIEWER if done and not opens else run.why,
        opens=opens,
        picture=sweep_urls(watched.key, run.key) + PICTURE if done and watched.has(run, PICTURE) else "",
        ways=min(made, MOST) if opens else 0,
    )
