"""A ground-truth folder made from a synthetic scene, so that the right scores are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scene_samples import CANONICAL, FPS, FRAMES, FREEZE, INTRINSICS, SIZE, arc_cameras

from fourreal import clip
from fourreal.scene.scene4d import Scene4D
from fourreal.scene.views import draw


def cameras_json(**changes) -> dict:
    """What the file says of the arc that the synthetic scene was seen from."""
    given = arc_cameras()
    poses = [{"w2c": matrix.tolist()} for matrix in given.world_to_camera]
    between = arc_cameras(count=2 * FREEZE - 1)  # its odd cameras stand where no video looks
    times = [0.0, 0.25, 1.0, 0.6, 0.5]
    kinds = ["novel view, reference time"] * 3 + ["novel view, between reference times", "novel view, canonical time"]
    views = [
        {
            "file": f"heldout/{i:03d}.png",
            "mask": f"heldout/{i:03d}_mask.png",
            "time": t,
            "kind": kind,
            "w2c": between.world_to_camera[2 * i + 3].tolist(),
        }
        for i, (t, kind) in enumerate(zip(times, kinds, strict=True))
    ]
    return {
        "intrinsics": dict(zip(("fx", "fy", "cx", "cy", "w", "h"), [*INTRINSICS.tolist(), *SIZE], strict=True)),
        "canonical_index": CANONICAL,
        "freeze_reference_index": FREEZE // 2,
        "reference": [poses[FREEZE // 2]],
        "freeze": poses,
        "heldout": views,
        **changes,
    }


def write_ground_truth(scene: Scene4D, folder: Path) -> Path:
    """The folder, with pictures that `scene` itself took."""
    (folder / "heldout").mkdir(parents=True)
    content = cameras_json()
    (folder / "cameras.json").write_text(json.dumps(content))
    given = arc_cameras()
    reference = [draw(scene, given[FREEZE // 2], t) for t in np.linspace(0, 1, FRAMES).tolist()]
    freeze = [draw(scene, given[i], scene.canonical_time) for i in range(FREEZE)]
    clip.write(clip.Clip(np.stack(reference), FPS), folder / "reference.mp4")
    clip.write(clip.Clip(np.stack(freeze), FPS), folder / "freeze.mp4")
    between = arc_cameras(count=2 * FREEZE - 1)
    for i, view in enumerate(content["heldout"]):
        camera, t = between[2 * i + 3], view["time"]
        Image.fromarray(draw(scene, camera, t)).save(folder / view["file"])
        alpha = scene.gaussians.opacities.masked_fill(~scene.gaussians.moves, -20.0)  # the moving splats alone
        moving = replaced(scene, alpha).render(camera, t).alpha
        Image.fromarray((moving * 255).byte().numpy()).save(folder / view["mask"])
    return folder


def replaced(scene: Scene4D, opacities: torch.Tensor) -> Scene4D:
    return replace(scene, gaussians=replace(scene.gaussians, opacities=opacities))
