"""Readers of what is written for other viewers: Gaussians from one .ply or .splat file."""

import numpy as np
import torch

from fourreal.scene.export_ply import SH_DC
from fourreal.scene.export_splat import RECORD
from fourreal.splat.gaussians import Gaussians


def read_ply(content: bytes) -> Gaussians:
    """Of the 3DGS convention; harmonics beyond the constant are left out."""
    header, body = content.split(b"end_header\n", 1)
    names = [line.split()[-1].decode() for line in header.split(b"\n") if line.startswith(b"property float ")]
    table = np.frombuffer(body, "<f4").reshape(-1, len(names)).astype(np.float32)
    pick = lambda *wanted: torch.from_numpy(table[:, [names.index(name) for name in wanted]])
    return Gaussians.static(
        means=pick("x", "y", "z"),
        quats=pick("rot_0", "rot_1", "rot_2", "rot_3"),
        scales=pick("scale_0", "scale_1", "scale_2"),
        opacities=pick("opacity")[:, 0],
        colors=pick("f_dc_0", "f_dc_1", "f_dc_2") * SH_DC + 0.5,
    )


def read_splat(content: bytes) -> Gaussians:
    """As exactly as the file keeps them."""
    records = np.frombuffer(content, RECORD)
    rgba = torch.from_numpy(records["rgba"].astype(np.float32)) / 255
    return Gaussians.static(
        means=torch.from_numpy(records["position"].astype(np.float32)),
        quats=torch.from_numpy(records["rotation"].astype(np.float32)) / 128 - 1,
        scales=torch.from_numpy(records["scale"].astype(np.float32)).log(),
        opacities=torch.logit(rgba[:, 3], eps=1e-4),
        colors=rgba[:, :3].contiguous(),
    )
