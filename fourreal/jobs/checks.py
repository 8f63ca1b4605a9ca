"""The child that looks at two videos before a run: does each show what the reconstruction needs?

`python -m fourreal.jobs.checks`, asked by `asking.look`.
"""

import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from fourreal import clip
from fourreal.camera.match import find_frozen_frame, moving_camera, still_camera
from fourreal.camera.subject import frozen_subject
from fourreal.clip import Clip
from fourreal.clip.flaws import INTERLACED, Cleaned, Finding, cleaned, picture, without_lone_overlay
from fourreal.clip.value import ASPECT_TOLERANCE, aspect_ratio
from fourreal.errors import UserError, of
from fourreal.jobs.children import answer
from fourreal.jpeg import jpeg

SMALL_ARC = 15.0  # degrees under which depth is hard to tell
LARGE_ARC = 300.0


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    reference, freeze = (clip.read(Path(question[name])) for name in ("reference", "freeze"))  # as a run reads them
    given = bool(question["cameras"])
    frozen_one = cleaned(freeze, travels=True, given=given)
    running = cleaned(reference, travels=False, given=given, beside=frozen_one)
    same, canonical, shared = same_scene(running, frozen_one, question["cameras"] or {})
    if canonical is not None and shared is not None:
        twin = frozen_one.clip.frames[frozen_one.frames.index(shared)]
        running = without_lone_overlay(running, running.frames.index(canonical), twin)
    drawn = {"reference": picture_of(reference, running), "freeze": picture_of(freeze, frozen_one)}
    del reference, freeze  # they may be large
    films = running.clip.frames, frozen_one.clip.frames
    still, moving = moving_camera(films[0]), still_camera(films[1])
    verdicts = [
        verdict("reference_camera", None if still.moves else True, still.sentence, still.put),
        # known cameras say more than a picture, whose floor may be plain
        arc(question["cameras"]) if given else verdict("freeze_camera", moving.moves, moving.sentence, moving.put),
        frozen(films[1]),
        same,
        same_shape(*films),
        *flaws("reference", running, "reference" in question["mended"]),
        *flaws("freeze", frozen_one, "freeze" in question["mended"]),
    ]
    return {
        "verdicts": verdicts,
        "canonical_frame": canonical,
        "freeze_frame": shared,
        "swapped": still.moves and not moving.moves and frozen_subject(films[0]).moves is False,
        "pictures": {role: content for role, content in drawn.items() if content},
    }


def flaws(role: str, result: Cleaned, mended: bool = False) -> list[dict[str, Any]]:
    """What was found in a video that is not scene, as the reconstruction will find it; a cut alone stops that.

    mended: whether its frames were interlaced when it came in.
    """
    findings = [*result.findings, *([Finding("interlaced", INTERLACED)] if mended else [])]
    name = {"reference": "Reference video", "freeze": "Freeze-time video"}.get(role, "")
    named = lambda sentence: of(name, sentence) if name else sentence
    return [
        verdict(f"{role}_{one.kind}".strip("_"), False if one.kind == "cut" else None, named(one.sentence))
        | {"part": one.part}
        for one in findings
    ]


def verdict(name: str, ok: bool | None, sentence: str, value: float | None = None) -> dict[str, Any]:
    return {"name": name, "ok": ok, "sentence": sentence, "value": value}


def picture_of(whole: Clip, result: Cleaned) -> str:
    """A JPEG, as base64, of what was found in a video; "" where there is nothing to be seen."""
    drawn = picture(whole.frames[len(whole) // 2], result, len(whole))
    return "" if drawn is None else base64.b64encode(jpeg(drawn)).decode()


def same_scene(
    running: Cleaned, frozen_one: Cleaned, cameras: Mapping[str, Any]
) -> tuple[dict[str, Any], int | None, int | None]:
    """The verdict, the canonical frame and the freeze-time frame of the same pose, as the cameras' file has them where
    it does; numbers of frames are those of the files."""
    try:
        met = find_frozen_frame(
            running.clip.frames,
            frozen_one.clip.frames,
            cameras.get("canonical_index"),
            cameras.get("freeze_reference_index"),
        )
    except UserError:
        sentence = (
            "No frame of the freeze-time video was taken from where the reference camera stands. Where it stood is "
            "looked for in what both show; if they show two scenes, that fails."
        )
        return verdict("same_scene", None, sentence), None, None
    canonical, shared = running.frames[met.canonical_index], frozen_one.frames[met.freeze_reference_index]
    sentence = (
        f"Both videos show the same scene: frame {shared} of the freeze-time video looks like "
        f"frame {canonical} of the reference video, the moment that was frozen."
    )
    return verdict("same_scene", True, sentence, met.score), canonical, shared


def same_shape(reference: np.ndarray, freeze: np.ndarray) -> dict[str, Any]:
    sizes = [f"{frames.shape[2]}x{frames.shape[1]}" for frames in (reference, freeze)]
    ratio = aspect_ratio(*((frames.shape[2], frames.shape[1]) for frames in (reference, freeze)))
    if abs(ratio - 1) <= ASPECT_TOLERANCE:
        return verdict("same_shape", True, "Both videos have the same shape.", ratio)
    sentence = f"The two videos have different shapes ({sizes[0]} and {sizes[1]}); each is taken as it is."
    return verdict("same_shape", None, sentence, ratio)


def frozen(freeze: np.ndarray) -> dict[str, Any]:
    """Whether the subject stands still in the freeze-time video."""
    subject = frozen_subject(freeze)
    still = None if subject.moves is None else not subject.moves
    return verdict("frozen_subject", still, subject.sentence, subject.share)


def arc(cameras: Mapping[str, Any]) -> dict[str, Any]:
    """How far the known cameras of the freeze-time video go around."""
    poses = np.array([entry["w2c"] for entry in cameras["freeze"]], dtype=np.float64)
    degrees = covered(poses[:, 2, :3])  # where each looks
    if degrees < SMALL_ARC:
        sentence = (
            f"The freeze-time camera covers only {degrees:.0f} degrees: too few to tell depth. Choose a wider one."
        )
    else:
        round_it = "all around the scene" if degrees > LARGE_ARC else f"through {degrees:.0f} degrees"
        sentence = f"The freeze-time camera goes {round_it}; from there the scene can be looked at afterwards."
    return verdict("arc", degrees >= SMALL_ARC, sentence, degrees)


def covered(directions: Float[np.ndarray, "F 3"]) -> float:
    """Degrees, up to 360, between the ends of what unit vectors sweep over; going back over it adds nothing.

    They turn about the axis that most of their steps turn about, so trembling adds nothing either.
    """
    turns = np.cross(directions[:-1], directions[1:])
    axis = np.linalg.eigh(turns.T @ turns)[1][:, -1]
    flat = directions - np.outer(directions @ axis, axis)  # as seen along the axis
    sines, cosines = np.cross(flat[:-1], flat[1:]) @ axis, (flat[:-1] * flat[1:]).sum(1)
    angles = np.cumsum(np.append(0.0, np.arctan2(sines, cosines)))
    return min(360.0, math.degrees(float(np.ptp(angles))))


if __name__ == "__main__":
    answer(work, reads=["reference", "freeze"])
