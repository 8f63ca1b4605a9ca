"""The child that looks at a video besides the first two: another camera, or another frozen moment?

`python -m fourreal.jobs.take_checks`, asked by `asking.look_at_take`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from fourreal import clip
from fourreal.camera.match import moving_camera, still_camera
from fourreal.camera.subject import frozen_subject
from fourreal.clip.flaws import cleaned
from fourreal.jobs.checks import flaws, picture_of, verdict
from fourreal.jobs.children import answer


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    whole, freeze = (clip.read(Path(question[name])) for name in ("video", "freeze"))
    given = bool(question["given"])
    as_freeze = cleaned(whole, travels=True, given=given)
    as_reference = cleaned(whole, travels=False, given=given, beside=cleaned(freeze, travels=True, given=given))
    cut = any(finding.kind == "cut" for finding in as_freeze.findings)
    one_shot = cleaned(whole, travels=True, longer_part=True) if cut else as_freeze
    motion = still_camera(one_shot.clip.frames)
    role, sentence = role_of(one_shot.clip.frames, motion.moves)
    refused = [] if motion.moves else [verdict("camera", False, motion.sentence, motion.put)]
    drawn = {"reference": picture_of(whole, as_reference), "freeze": picture_of(whole, as_freeze)}
    return {
        "role": role,
        "sentence": sentence,
        "reference": flaws("", as_reference, question["mended"]),
        "freeze": [*refused, *flaws("", as_freeze, question["mended"])],
        "pictures": {role: content for role, content in drawn.items() if content},
    }


def role_of(frames: UInt8[np.ndarray, "F H W 3"], travels: bool) -> tuple[str, str]:
    """The role of a further video and why: frozen is what holds still before a camera that travels."""
    if not travels:
        sways = moving_camera(frames).moves
        return "reference", "Its camera sways in place." if sways else "Its camera stands still."
    moves = frozen_subject(frames).moves
    if moves is False:
        return "freeze", "Its camera travels while the subject holds still."
    if moves:
        return "reference", "Its camera travels, and the subject moves."
    return "reference", "Its camera travels; whether the subject holds still cannot be told."


if __name__ == "__main__":
    answer(work, reads=["video", "freeze"])
