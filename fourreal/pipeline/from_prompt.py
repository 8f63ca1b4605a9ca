"""A prompt in, a 4D scene out: the method's two halves, with the best-scored candidates picked.

    reference candidates -> one picked, a frame picked -> freeze-time candidates -> one picked -> extended -> scene

All of it lies in RUN: candidates/ with every video that was made, inputs/ with the two that are reconstructed, and
choices.json, which says in words what was picked and why. What is there is not made again, so a chain that was stopped
goes on; and a person may replace any candidate by a video of the same name.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fourreal.camera.match import find_frozen_frame
from fourreal.clip import Clip
from fourreal.errors import UserError
from fourreal.pipeline.critic import Distil
from fourreal.pipeline.reconstruct import reconstruct
from fourreal.pipeline.request import Request
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene.scene4d import Scene4D
from fourreal.settings import Preset
from fourreal.video import shelf
from fourreal.video.candidates import Wish, make, seeds_from
from fourreal.video.extend import How
from fourreal.video.freeze_time import FreezeTime, pick_frame
from fourreal.video.lengthen import Goal, lengthen
from fourreal.video.one_model import DEFAULT, Choice, OneModel
from fourreal.video.prompt import NEGATIVE, freeze_prompt
from fourreal.video.score import detail
from fourreal.video.shelf import Kept

MOST_ARC = 360.0


@dataclass(frozen=True)
class PromptRequest:
    """What a person asks for; the command line's options, see `python -m fourreal run --help`.

    model, freeze_model: for the reference and the freeze-time videos; None takes the same for both.
    size: (width, height) of the reference video; the freeze-time video gets the same shape as far as its model can.
    freeze_text: the prompt of the freeze-time videos; None has it rewritten by rule.
    arc: degrees that the freeze-time video shall go. windows: at most so many are added to get there;
        None: as suits the model.
    distil: how a model criticises the reconstruction; None: not at all.
    pick_reference, pick_frame, pick_freeze: a seed, a frame and a seed, where the person decides.
    """

    prompt: str
    out: Path
    model: Choice = DEFAULT
    freeze_model: Choice | None = None
    candidates: int = 4
    seed: int = 0
    frames: int | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | int | None = None
    freeze_text: str | None = None
    arc: float | int = 180.0
    windows: int | None = None
    pick_reference: int | None = None
    pick_frame: int | None = None
    pick_freeze: int | None = None
    preset: str | Preset | None = None
    device: str = "auto"
    distil: Distil | None = None

    @property
    def going_around(self) -> Choice:
        return self.freeze_model or self.model

    @property
    def freeze_words(self) -> str:
        return freeze_prompt(self.prompt) if self.freeze_text is None else self.freeze_text


@dataclass
class Choices:
    """What was picked and why, written down at each choice and told to whoever watches."""

    path: Path
    progress: Progress
    prompt: str
    made: list[dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, picked: Any, why: Sequence[str], **more: Any) -> None:
        self.made.append({"what": what, "picked": picked, "why": list(why), **more})
        shelf.write_json(self.path, {"prompt": self.prompt, "choices": self.made})
        self.progress(Event("choices", message=f"{what}: {picked}. {' '.join(why)}"))


def from_prompt(request: PromptRequest, progress: Progress = ignore, cancel: CancelToken | None = None) -> Scene4D:
    """Make the scene in `request.out`; goes on from whatever an earlier try left there.

    Raises:
        UserError: what a person can mend about prompt, models, disk, or what the models made of it.
        Cancelled: on request; what was finished is kept.
    """
    cancel = cancel or CancelToken()
    seeds = _checked(request)
    folder, inputs = request.out / "candidates", request.out / "inputs"
    usual = request.going_around.entry.capabilities.windows
    goal = Goal(request.arc, usual if request.windows is None else request.windows)
    device = None if request.device == "auto" else request.device
    with shelf.opened(request.out), OneModel(device, progress, cancel) as models:
        choices = Choices(request.out / "choices.json", progress, request.prompt)
        asked = dict(frames=request.frames, steps=request.steps, guidance=request.guidance)
        wish = Wish("reference", request.prompt, request.model, size=request.size, **asked)
        found = make(wish, models, folder, seeds, progress, cancel)
        reference = _pick(found, request.pick_reference, "reference video", request, choices)
        shot = reference.read()
        frame, why = best_frame(shot) if request.pick_frame is None else (request.pick_frame, "You picked it.")
        picture = pick_frame(shot, frame)
        choices.add("frame that is frozen", frame, [why])

        words = request.freeze_words
        rewritten = "The prompt without its actions, by rule." if request.freeze_text is None else "You wrote it."
        choices.add("prompt of the freeze-time video", words, [rewritten])
        size = request.going_around.entry.capabilities.alike(shot.size, request.size)
        wish = Wish(
            "freeze",
            words,
            request.going_around,
            picture,
            size=size,
            arc=goal.first_arc(request.going_around, request.frames),
            **asked,
        )
        # a folder for each picture, so that those of another one are neither mixed in nor lost
        found = make(wish, models, folder / f"{reference.path.stem}-frame-{frame}", seeds, progress, cancel)
        freeze = _pick(found, request.pick_freeze, "freeze-time video", request, choices)

        how = How(words, NEGATIVE, request.seed, request.steps, request.guidance, freeze.path.parent / "windows")
        path = inputs / "freeze.mp4"
        video, why = lengthen(freeze, goal, how, request.going_around, models, path, progress, cancel)
        choices.add("length of the freeze-time video", f"{len(video.clip)} frames", why)
    # from here on the models' memory is free again
    with shelf.writing(inputs / "reference.mp4") as temporary:
        shutil.copyfile(reference.path, temporary)
    cameras = _commanded(video, frame, inputs, choices)
    canonical, shared = frame, video.canonical
    if freeze.own:  # nobody knows which frame it was made of
        rows = range(len(shot)) if request.pick_frame is None else [frame]
        meeting = find_frozen_frame(shot.frames[list(rows)], video.clip.frames)
        canonical, shared = rows[meeting.canonical_index], meeting.freeze_reference_index
        choices.add("frames in which the two videos meet", [canonical, shared], ["They look most alike."])
    return reconstruct(
        Request(
            inputs / "reference.mp4", inputs / "freeze.mp4", request.out, cameras, canonical_frame=canonical,
            freeze_reference_frame=shared, refine_poses=True, preset=request.preset,
            device=request.device, seed=request.seed, distil=request.distil,
        ), progress, cancel,
    )  # fmt: skip


def best_frame(shot: Clip) -> tuple[int, str]:
    """Which frame of a reference video to freeze, and why: a sharp one, from which motion goes both ways."""
    first, last = len(shot) // 3, max(len(shot) // 3 + 1, 2 * len(shot) // 3)
    levels = detail(shot.frames[first:last])
    best = first + int(np.argmax(levels))
    return best, f"It is the sharpest of the middle third, frames {first} to {last - 1}."


# --- The steps -------------------------------------------------------------------------------------------------------


def _checked(request: PromptRequest) -> range:
    """The candidates' seeds; UserError for all that can be known before anything is made."""
    seeds = seeds_from(request.seed, request.candidates)
    asked = dict(frames=request.frames, steps=request.steps, guidance=request.guidance)
    Wish("reference", request.prompt, request.model, size=request.size, **asked).check()
    Wish("freeze", request.freeze_words, request.going_around, **asked).check()
    if any(shelf.find(request.out / "candidates", "reference", seed) is None for seed in seeds):
        request.model.check(request.prompt)  # both models, before the first has worked for hours
        request.going_around.check(request.freeze_words)
    if request.distil is not None:
        request.distil.check()
    for seed in (request.pick_reference, request.pick_freeze):
        if seed is not None and seed not in seeds:
            raise UserError(f"Candidate {seed} cannot be picked; the candidates are {seeds[0]} to {seeds[-1]}.")
    if not 0 < request.arc <= MOST_ARC:
        raise UserError(f"A camera cannot go {request.arc:g} degrees around; ask for 1 to {MOST_ARC:g}.")
    return seeds


def _pick(found: Sequence[Kept], seed: int | None, what: str, request: PromptRequest, choices: Choices) -> Kept:
    """The best-scored candidate, or the one that the person wants."""
    best = found[0] if seed is None else next(kept for kept in found if kept.seed == seed)
    place = "You picked it." if seed is not None else f"It has the best score of {len(found)}." if found[1:] else ""
    own = ["You put it there."] if best.own else []
    others = [
        {"video": str(kept.path.relative_to(request.out)), "total": round(kept.total, 3), "why": list(kept.reasons)}
        for kept in found if kept is not best
    ]  # fmt: skip
    why = [*([place] if place else []), *own, *best.reasons]
    choices.add(what, str(best.path.relative_to(request.out)), why, total=round(best.total, 3), others=others)
    return best


def _commanded(video: FreezeTime, canonical: int, inputs: Path, choices: Choices) -> Path | None:
    """inputs/cameras.json, where the model was told a path; None where the cameras are to be found by looking."""
    content, path = video.commanded(canonical), inputs / "cameras.json"
    if content is None:
        path.unlink(missing_ok=True)  # of an earlier try with another model
        choices.add("cameras", "found by looking", ["The model was told no path."])
        return None
    shelf.write_json(path, content)
    choices.add("cameras", "inputs/cameras.json", ["The model was told this path; it is refined with the scene."])
    return path
