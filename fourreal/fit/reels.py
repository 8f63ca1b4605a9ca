"""What a video model filmed, as files: tensors, and a description in the metadata."""

from collections.abc import Mapping
from dataclasses import asdict

from torch import Tensor

from fourreal.fit.artifacts import Packed, pack_cameras, unpack_cameras
from fourreal.fit.canonical import below
from fourreal.fit.film_judge import Verdict
from fourreal.fit.imagine import Reel
from fourreal.fit.observations import Take


def pack_reel(reel: Reel | None) -> Packed:
    """Also of none: that every camera was tried."""
    if reel is None:
        return {}, {"frame": None}
    description = {"frame": reel.frame, "verdict": asdict(reel.verdict), "take": None}
    if reel.take is None:
        return {}, description
    cameras, described = pack_cameras(reel.take.cameras)
    tensors = {"frames": reel.take.frames} | {f"cameras.{name}": tensor for name, tensor in cameras.items()}
    description["take"] = {
        "cameras": described,
        "codes": list(reel.take.codes),
        "trust": reel.take.trust,
        "part": reel.take.part,
    }
    return tensors, description


def unpack_reel(tensors: Mapping[str, Tensor], description: dict) -> Reel | None:
    if description["frame"] is None:
        return None
    take, about = None, description["take"]
    if about is not None:
        cameras = unpack_cameras(below(tensors, "cameras"), about["cameras"])
        take = Take(tensors["frames"], cameras, tuple(about["codes"]), trust=about["trust"], part=about["part"])
    return Reel(description["frame"], Verdict(**description["verdict"]), take)
