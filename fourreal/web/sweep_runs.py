"""The runs of a sweep as the gallery has them: by what they are told apart, filtered, and beside their like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fourreal.sweep.runs import DONE, FAILED, RUNNING, SKIPPED, STOPPED, WAITING
from fourreal.sweep.watching import UNREAD, Seen
from fourreal.web.cursor import STAGES, stage_name

STATES = {
    DONE: "Made",
    RUNNING: "Being made",
    WAITING: "Waiting",
    STOPPED: "Stopped",
    FAILED: "Failed",
    SKIPPED: "Skipped",
    UNREAD: "Not looked at yet",
}
WHOLE = "whole method"
LONGEST_TITLE = 60  # letters of a prompt in the viewer


@dataclass(frozen=True)
class Axis:
    """What runs are told apart by. value: that of a run, in words."""

    title: str
    value: Callable[[Seen], str]


def without(run: Seen) -> str:
    parts = run.item.variant.without
    return f"without {', '.join(parts)}" if parts else WHOLE


AXES: Mapping[str, Axis] = {
    "model": Axis("Model", lambda run: run.item.variant.model or "usual model"),
    "preset": Axis("Preset", lambda run: run.item.variant.preset or "usual preset"),
    "ablation": Axis("Ablation", without),
    "seed": Axis("Seed", lambda run: f"seed {run.item.variant.seed}"),
}
STATE = Axis("State", lambda run: STATES[run.state])
FILTERS: Mapping[str, Axis] = {**AXES, "state": STATE}


def values_of(runs: Sequence[Seen], axis: Axis) -> list[str]:
    """What there is to choose from: all states always, of other axes what occurs, in the order of the file."""
    return list(STATES.values()) if axis is STATE else list(dict.fromkeys(map(axis.value, runs)))


def filtered(runs: Sequence[Seen], chosen: Mapping[str, str | None], words: str) -> list[Seen]:
    """Those that have the chosen value of each axis (None or "": any), and all of `words` in their prompts."""
    wanted = [(FILTERS[name].value, value) for name, value in chosen.items() if value]
    parts = words.lower().split()
    return [
        run
        for run in runs
        if all(value_of(run) == value for value_of, value in wanted)
        and all(part in run.item.prompt.lower() for part in parts)
    ]


def alike(runs: Sequence[Seen], run: Seen, most: int) -> list[Seen]:
    """A prompt's other ways of making that are worth seeing beside `run`, with it: the whole method first, then what
    differs from it by as little as can be, an ablation before all else. Made ones alone, `most` at most."""
    made = [one for one in runs if one.name == run.name and one.state == DONE]

    def far(one: Seen) -> int:
        """By how much else than an ablation it differs."""
        others = (axis for name, axis in AXES.items() if name != "ablation")
        return sum(axis.value(one) != axis.value(run) for axis in others) + (
            one.item.variant.options != run.item.variant.options
        )

    differs = lambda one: without(one) != without(run)
    parts = lambda one: len(one.item.variant.without)
    near = sorted(made, key=lambda one: (one.key != run.key, far(one), differs(one) if far(one) else parts(one)))
    chosen = {one.key for one in near[:most]}
    return sorted((one for one in made if one.key in chosen), key=lambda one: (far(one), parts(one)))


def title(runs: Sequence[Seen], run: Seen) -> str:
    """A run by what tells it from the others of its prompt, and by the prompt: titles are cut at the end."""
    same = [one for one in runs if one.name == run.name]
    words = [axis.value(run) for axis in AXES.values() if len({axis.value(one) for one in same}) > 1]
    prompt = run.item.prompt
    short = prompt if len(prompt) <= LONGEST_TITLE else f"{prompt[: LONGEST_TITLE - 1].rstrip()}…"
    label = ", ".join(words)
    return f"{label[:1].upper()}{label[1:]}: {short}" if label else short


def made_of(run: Seen) -> str:
    """How a run is made, in words."""
    return " · ".join(axis.value(run) for axis in AXES.values())


def stage_in_words(run: Seen) -> str:
    """What is being done of a run that is made."""
    name = stage_name(run.stage)
    return STAGES.get(name, "Making the videos" if name else "Starting")
