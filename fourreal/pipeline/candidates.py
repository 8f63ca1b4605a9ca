"""Several videos of one wish, one after the other, each on the disk with its scores as soon as it is finished."""

import contextlib
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from fourreal.clip.value import Clip
from fourreal.description import LARGEST_SEED, StoredWishes, described
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, Progress, ignore
from fourreal.video import registry, shelf
from fourreal.video.capabilities import Capabilities, check_text
from fourreal.video.conditioning import fitted
from fourreal.video.extend import How, Side, add_window
from fourreal.video.freeze_time import FreezeTime, freeze_time
from fourreal.video.memory import free_memory
from fourreal.video.model import VideoModel
from fourreal.video.one_model import Choice, OneModel
from fourreal.video.prompt import NEGATIVE, REFERENCE_NEGATIVE
from fourreal.video.score import Candidate, Role, Score, coverage, judge, order
from fourreal.video.shelf import StoredCandidate
from fourreal.video.text_score import text_scores

MOST = 64


@described
class Wish(StoredWishes):
    """What all candidates are asked to be, by whoever has this machine. What is None is what the model was trained for.

    picked: (H, W, 3) uint8, the picture with which they begin: the frame that is frozen, or what a person gave.
    negative: None takes the usual one for the role.
    """

    picked: np.ndarray | None = None

    def check(self) -> None:
        """Raise UserError for what the model does not have, before it is loaded."""
        wanted = self.payload
        check_text(self.negative)
        self.choice.entry.check(self.role, self.prompt, wanted["frames"], tuple(wanted["size"]), wanted["steps"])

    @property
    def choice(self) -> Choice:
        """The model, with its adapter and where its weights are."""
        return Choice(self.model or registry.DEFAULT, self.source, self.adapter)

    @property
    def capabilities(self) -> Capabilities:
        return self.choice.entry.capabilities

    @property
    def kind(self) -> Role:
        """`role`, which is one of the two."""
        return cast(Role, self.role)

    @property
    def payload(self) -> dict[str, Any]:
        """All that decides what comes out but the seed and the weights, as JSON has it."""
        able = self.capabilities
        usual = {
            "negative": NEGATIVE if self.role == "freeze" else REFERENCE_NEGATIVE,
            "frames": able.native_frames,
            "size": able.native_size,
            "steps": able.steps,
            "guidance": able.usual_guidance(self.role == "freeze" or self.picked is not None),
        }
        own = {name: getattr(self, name) for name in usual if getattr(self, name) is not None}
        whole = {"model": self.model, "adapter": self.adapter, "prompt": self.prompt, **usual, **own}
        arc = self.arc if self.role == "freeze" and able.cameras else None
        return whole | {"size": list(whole["size"]), "arc": arc, "picture": self.picture}

    def beginning_with(self, picked: np.ndarray) -> Self:
        """The same, beginning with a picture and in its shape; where the model has no such, its middle is taken."""
        size = self.size
        with contextlib.suppress(UserError):  # only one shape, as the embedded model
            size = self.capabilities.alike((picked.shape[1], picked.shape[0]), self.size)
        return replace(self, picked=picked, size=size)

    @property
    def picture(self) -> str:
        """Tells picked pictures apart; "" for none."""
        if self.picked is None:
            return ""
        shape = str(self.picked.shape).encode()
        return hashlib.sha256(shape + np.ascontiguousarray(self.picked).tobytes()).hexdigest()[:16]


def chosen_model(name: str | None, own: bool, device: str) -> str:
    """The name of a model, of the one usual here for None. UserError where there is none of this name.

    own: whether there are weights or an adapter of somebody's own, which are for one of the large ones.
    """
    if name is not None:
        return registry.entry(name).name
    return registry.DEFAULT if own else registry.usual(free_memory(video_device(device)).device != "cpu")


def video_device(name: str) -> str | None:
    """As the video room has it, where None is the graphics card if there is one."""
    return None if name == "auto" else name


def seeds_from(first: int, count: int) -> range:
    """The seeds of `count` candidates; UserError where there can be no such number of them."""
    if not 1 <= count <= MOST:
        raise UserError(f"{count} candidates cannot be made; ask for 1 to {MOST}.")
    if not 0 <= first <= LARGEST_SEED + 1 - count:
        raise UserError(f"Seed {first} is out of range. Take one from 0 to {LARGEST_SEED + 1 - MOST}.")
    return range(first, first + count)


def make(
    wish: Wish,
    models: OneModel,
    folder: Path,
    seeds: Sequence[int],
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
    preview: bool = False,
) -> list[StoredCandidate]:
    """A candidate for each of `seeds`, best first.

    Those that lie in `folder` already are kept, a person's own among them, so it goes on where it was stopped. The
    model is loaded only if there is something to make.

    Raises:
        UserError: the model cannot do it or cannot be had, `folder` cannot be written, or holds candidates of another
            wish. What was finished stays.
        Cancelled: between two denoising steps, or two candidates.
    """
    cancel = cancel or CancelToken()
    wish.check()
    there = {seed: shelf.find(folder, wish.kind, seed) for seed in seeds}
    for stored in there.values():
        if stored is not None:
            _check_same(stored, wish)
    done = []
    with shelf.opened(folder):
        for number, seed in enumerate(seeds):
            cancel.check()
            candidate, name = there[seed], f"{wish.role}-{seed}"
            what = "is being made" if candidate is None else "is there already and kept"
            progress(Event("candidates", number, len(seeds), message=f"{name} {what}."))
            if candidate is None:
                candidate = _made(wish, models.get(wish.choice), folder, seed, progress, cancel, preview)
            done.append(_judged(candidate, wish))
            finished = f"{name} is finished, score: {done[-1].score}."
            progress(Event("candidates", number + 1, len(seeds), message=finished))
    return ranked(done)


def longer(
    wish: Wish,
    models: OneModel,
    folder: Path,
    of: int,
    side: Side,
    seed: int,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
) -> StoredCandidate:
    """Candidate `seed`: the freeze-time candidate `of` with one window more at its left or right.

    Read if it lies in `folder` already. A size that the model does not make is brought to one that it does. Raises
    UserError where there is no such candidate, or it does not suit the model, and Cancelled.
    """
    cancel = cancel or CancelToken()
    candidate, start = (shelf.find(folder, wish.kind, number) for number in (seed, of))
    if candidate is None:
        if start is None:
            raise UserError(f"There is no candidate {of} (any more) that could be made longer. Choose another one.")
        payload, begin = wish.payload, time.monotonic()
        how = How(wish.prompt, payload["negative"], seed, payload["steps"], payload["guidance"])
        model = models.get(wish.choice)
        video = add_window(model, _suited(start.freeze_time(), wish, progress), how, side, progress, cancel)
        made_as = payload | {"longer": {"of": of, "side": side}}
        path, seconds = folder / f"{wish.role}-{seed}.mp4", round(time.monotonic() - begin, 2)
        candidate = shelf.keep(
            video,
            StoredCandidate(
                path=path, role=wish.kind, seed=seed, sha256="", payload=made_as, model=model.identity, seconds=seconds
            ),
        )
    return _judged(candidate, wish)


def measured(
    candidate: StoredCandidate, progress: Progress = ignore, cancel: CancelToken | None = None
) -> StoredCandidate:
    """With how far its camera goes among its scores; if that is not known yet it is looked for, up to a minute long."""
    if any(score.name == "coverage" for score in candidate.scores):
        return candidate
    progress(Event("coverage", message=f"Finding out how far the camera of {candidate.path.stem} goes."))
    scores = coverage(candidate.read(), cancel)
    (cancel or CancelToken()).check()
    candidate = replace(candidate, scores=(*candidate.scores, *_plain(scores)))
    shelf.note(candidate)
    return candidate


def ranked(candidates: Sequence[StoredCandidate]) -> list[StoredCandidate]:
    """Best first."""
    return [candidates[scored.index] for scored in order([one.scores for one in candidates])]


def _made(
    wish: Wish, model: VideoModel, folder: Path, seed: int, progress: Progress, cancel: CancelToken, preview: bool
) -> StoredCandidate:
    payload, begin = wish.payload, time.monotonic()
    how = dict(
        negative=payload["negative"],
        frames=payload["frames"],
        size=tuple(payload["size"]),
        seed=seed,
        steps=payload["steps"],
        guidance=payload["guidance"],
        progress=progress,
        cancel=cancel,
        preview=preview,
    )
    if wish.role == "reference" or wish.picked is None:
        given = None if wish.picked is None else {0: fitted(wish.picked, how["size"])}
        video = FreezeTime(model.generate(wish.prompt, conditioning=given, **how), None)
    else:
        video = freeze_time(model, wish.prompt, wish.picked, arc=wish.arc, **how)
    seconds = round(time.monotonic() - begin, 2)
    path = folder / f"{wish.role}-{seed}.mp4"
    return shelf.keep(
        video,
        StoredCandidate(
            path=path, role=wish.kind, seed=seed, sha256="", payload=payload, model=model.identity, seconds=seconds
        ),
    )


def _suited(video: FreezeTime, wish: Wish, progress: Progress) -> FreezeTime:
    """The video at a size that the model makes, of the same shape."""
    before, able = video.clip.size, wish.capabilities
    able.check_extended(len(video.clip))
    size = able.extended_size(before, wish.size)
    if size == before:
        return video
    sentence = f"It has {before[0]}x{before[1]} pixels, and is made {size[0]}x{size[1]}, as the model needs it."
    progress(Event("extend", message=sentence))
    frames = np.stack([fitted(frame, size) for frame in video.clip.frames])
    return replace(video, clip=Clip(frames, video.clip.fps))


def _judged(stored: StoredCandidate, wish: Wish) -> StoredCandidate:
    """With its scores, found and written down if it has none for this picture."""
    judged_with = wish.picture or "nothing"
    if stored.judged_with == judged_with:
        return stored
    video = stored.freeze_time()
    candidate = Candidate(video.clip, wish.picked, video.degrees)
    scores = (*judge(candidate, wish.kind), *text_scores(video.clip, wish.prompt))
    stored = replace(stored, scores=_plain(scores), judged_with=judged_with)
    shelf.note(stored)
    return stored


def _plain(scores: Sequence[Score]) -> tuple[Score, ...]:
    """With Python's own numbers, as JSON has no others."""
    return tuple(
        replace(score, value=float(score.value), good=float(score.good), vital=bool(score.vital), sure=bool(score.sure))
        for score in scores
    )


def _check_same(stored: StoredCandidate, wish: Wish) -> None:
    """Refuse to mix candidates of two wishes, or to replace one by another."""
    if stored.payload is None:
        return
    other = [name for name, value in wish.payload.items() if stored.payload.get(name) != value]
    if other:
        raise UserError(
            f"{stored.path.name} is there already, but was made with another {' and '.join(other)}. Choose another "
            f"folder with --out, another --seed, or take {stored.path.name} away."
        )
