"""Both stages make the pictures that they made before: what is rearranged must not change what comes out.

Where a change is meant to alter them, `python tests/test_same_pictures.py FOLDER` writes them anew; say in the commit
what it gained. Fits are short, as what differs in the last bit between processors grows with every step.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from fit_samples import SHARED, STAGE_ONE, STAGE_TWO, observations, see
from safetensors.torch import load_file, save_file

from fourreal.evaluate.metrics import psnr
from fourreal.fit import loop
from fourreal.fit.canonical import CanonicalStage
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import still
from fourreal.progress import CancelToken, ignore
from fourreal.splat.deform import bend

BEFORE = Path(__file__).with_name("same_pictures.safetensors")
ALIKE = 60.0  # dB; noise of 1e-6 in the videos leaves 66


def pictures(folder: Path) -> dict[str, torch.Tensor]:
    """What the reference camera and another see at three moments: (3, H, W, 3) each."""
    seen, fit = observations(), lambda stage: loop.run(stage, folder / stage.name, ignore, CancelToken())
    fit(stage := CanonicalStage(seen, replace(STAGE_ONE, steps=20), False, 0))
    canonical = stage.result()
    moving = still(canonical.gaussians, seen, STAGE_TWO, 0)
    for number, phase in enumerate(STAGE_TWO.phases):
        fit(motion := MotionStage(seen, moving, canonical, STAGE_TWO, replace(phase, steps=8), number))
        moving = motion.result()
    at = lambda code: bend(moving.gaussians, moving.field.offsets(moving.gaussians, code))
    cameras = {"reference": seen.freeze_cameras[SHARED], "another": seen.freeze_cameras[0]}
    with torch.no_grad():
        return {name: torch.cat([see(at(code), camera) for code in (0, 2, 3.5)]) for name, camera in cameras.items()}


def test_both_stages_make_the_pictures_that_they_made_before(tmp_path):
    before = load_file(BEFORE)
    for name, seen in pictures(tmp_path).items():
        assert min(map(psnr, seen, before[name].float())) > ALIKE, name


if __name__ == "__main__":
    save_file({name: seen.half() for name, seen in pictures(Path(sys.argv[1])).items()}, BEFORE)
