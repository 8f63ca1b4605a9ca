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
from fourreal.clip.picture import read_picture
from fourreal.errors import UserError
from fourreal.pipeline.candidates import Wish, make, seeds_from, video_device
from fourreal.pipeline.prompt_request import PromptRequest
from fourreal.pipeline.reconstruct import reconstruct
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.scene.scene4d import Scene4D
from fourreal.video import shelf
from fourreal.video.extend import How
from fourreal.video.freeze_time import FreezeTime, pick_frame
from fourreal.video.lengthen import Goal, lengthen
from fourreal.video.one_model import OneModel
from fourreal.video.prompt import NEGATIVE
from fourreal.video.score import detail
from fourreal.video.shelf import StoredCandidate
from fourreal.whole import writing


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
    with shelf.opened(request.out), OneModel(video_device(request.device), progress, cancel) as models:
        choices = Choices(request.out / "choices.json", progress, request.prompt)
        candidates = make(_first_wish(request), models, folder, seeds, progress, cancel)
        reference = _pick(candidates, request.pick_reference, "reference video", request, choices)
        shot = reference.read()
        frame, why = best_frame(shot) if request.pick_frame is None else (request.pick_frame, "You picked it.")
        picture = pick_frame(shot, frame)
        choices.add("frame that is frozen", frame, [why])

        words = request.freeze_words
        rewritten = "The prompt without its actions, by rule." if request.freeze_prompt is None else "You wrote it."
        choices.add("prompt of the freeze-time video", words, [rewritten])
        size = request.going_around.entry.capabilities.alike(shot.size, request.size)
        arc = goal.first_arc(request.going_around, request.frames)
        wish = request.wish("freeze", picked=picture, size=size, arc=arc)
        # a folder for each picture, so that those of another one are neither mixed in nor lost
        candidates = make(wish, models, folder / f"{reference.path.stem}-frame-{frame}", seeds, progress, cancel)
        freeze = _pick(candidates, request.pick_freeze, "freeze-time video", request, choices)

        how = How(
            prompt=words,
            negative=NEGATIVE,
            seed=request.seed,
            steps=request.steps,
            guidance=request.guidance,
            folder=freeze.path.parent / "windows",
        )
        path = inputs / "freeze.mp4"
        video, reasons = lengthen(freeze, goal, how, request.going_around, models, path, progress, cancel)
        choices.add("length of the freeze-time video", f"{len(video.clip)} frames", reasons)
    # from here on the models' memory is free again
    with writing(inputs / "reference.mp4") as temporary:
        shutil.copyfile(reference.path, temporary)
    cameras = _commanded(video, frame, inputs, choices)
    canonical, shared = frame, video.canonical
    if freeze.own:  # nobody knows which frame it was made of
        rows = range(len(shot)) if request.pick_frame is None else [frame]
        meeting = find_frozen_frame(shot.frames[list(rows)], video.clip.frames)
        canonical, shared = rows[meeting.canonical_index], meeting.freeze_reference_index
        choices.add("frames in which the two videos meet", [canonical, shared], ["They look most alike."])
    reconstruction = request.reconstruction(
        reference=inputs / "reference.mp4",
        freeze=inputs / "freeze.mp4",
        cameras=cameras,
        canonical_frame=canonical,
        freeze_reference_frame=shared,
    )
    return reconstruct(reconstruction, progress, cancel)


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
    _first_wish(request).check()
    request.wish("freeze").check()
    if any(shelf.find(request.out / "candidates", "reference", seed) is None for seed in seeds):
        request.choice.check(request.prompt)  # both models, before the first has worked for hours
        request.going_around.check(request.freeze_words)
    inputs = request.out / "inputs"
    request.reconstruction(reference=inputs / "reference.mp4", freeze=inputs / "freeze.mp4").check_critic()
    for seed in (request.pick_reference, request.pick_freeze):
        if seed is not None and seed not in seeds:
            raise UserError(f"Candidate {seed} cannot be picked; the candidates are {seeds[0]} to {seeds[-1]}.")
    return seeds


def _first_wish(request: PromptRequest) -> Wish:
    """What the reference videos are asked to be."""
    wish = request.wish("reference", size=request.size)
    return wish if request.image is None else wish.beginning_with(read_picture(request.image))


def _pick(
    candidates: Sequence[StoredCandidate], seed: int | None, what: str, request: PromptRequest, choices: Choices
) -> StoredCandidate:
    """The best-scored candidate, or the one that the person wants."""
    best = candidates[0] if seed is None else next(one for one in candidates if one.seed == seed)
    best_of = f"It has the best score of {len(candidates)}." if candidates[1:] else ""
    place = best_of if seed is None else "You picked it."
    own = ["You put it there."] if best.own else []
    others = [
        {"video": str(one.path.relative_to(request.out)), "total": round(one.total, 3), "why": list(one.reasons)}
        for one in candidates
        if one is not best
    ]
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
