"""Between the stages: what stage one knows of the scene tells of every other video where its camera stood, what its
colours were, and which moment was frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.fit.canonical import Canonical
from fourreal.fit.drift import drift
from fourreal.fit.exposure import PoseCorrection
from fourreal.fit.observations import Observations, Take, halved
from fourreal.fit.tone import Tone, tone_between
from fourreal.splat.rasterize import rasterize

ROUNDS = 60  # steps for the pose of a frame
RATE = 2e-3  # of a pose correction: radians, world units
OUTLIER = 0.08  # difference of colours from which a pixel counts less and less, as it may show what moves
COVERED = 0.7  # opacity from which the scene is taken to show something
STILL = 8  # frames of a still camera, evenly spread, of which the median is looked at


@dataclass(frozen=True)
class Settled:
    """What was found out of the takes, the reference video first.

    canonical: the reference frame that was frozen.
    poses: world-to-camera of each take, one or one of each frame.
    gains: of each take, what its frames are multiplied with first; None where its colours do not drift.
    tones: of each take, what leads from there to the standard's colours.
    """

    canonical: int
    poses: list[Float[Tensor, "F 4 4"]]
    tones: list[Tone]
    gains: list[Float[Tensor, "_ 3"] | None]

    def applied(self, seen: Observations) -> Observations:
        """The observations as they should be fitted to."""
        moved = [
            replace(take, frames=tone(evened(take.frames, gains)), cameras=_posed(take.cameras, pose))
            for take, pose, tone, gains in zip(seen.others, self.poses[1:], self.tones[1:], self.gains[1:], strict=True)
        ]
        path = _posed(_path(seen), self.poses[0].to(seen.freeze))
        return replace(
            seen,
            reference=self.tones[0](evened(seen.reference, self.gains[0])),
            canonical=self.canonical,
            others=tuple(moved),
            reference_camera=path[self.canonical if len(path) > 1 else 0],
            reference_path=path if len(path) > 1 else None,
        )

    def pack(self) -> tuple[dict[str, Tensor], dict]:
        tensors = {f"pose.{i}": pose.cpu() for i, pose in enumerate(self.poses)}
        tensors |= {f"tone.{i}": tone.curve for i, tone in enumerate(self.tones)}
        tensors |= {f"gains.{i}": gains.cpu() for i, gains in enumerate(self.gains) if gains is not None}
        return tensors, {"canonical": self.canonical, "takes": len(self.poses)}

    @classmethod
    def unpack(cls, tensors: Mapping[str, Tensor], description: dict) -> "Settled":
        takes = range(description["takes"])
        poses, tones = [tensors[f"pose.{i}"] for i in takes], [Tone(tensors[f"tone.{i}"]) for i in takes]
        return cls(description["canonical"], poses, tones, [tensors.get(f"gains.{i}") for i in takes])


def settle(seen: Observations, canonical: Canonical, free: list[bool], frozen: bool) -> Settled:
    """Compares every take with the canonical scene, drawn from its cameras.

    free: of each take, the reference video first, whether its poses may be improved; others are exact.
    frozen: whether `seen.canonical` is known; else the frame is found that the scene looks most like.
    """
    takes = [Take(seen.reference, _path(seen), tuple(range(len(seen.reference))), seen.reference_mask), *seen.others]
    poses, tones, gains = [], [], []
    for take, improve in zip(takes, free, strict=True):
        gain = _gains(take, canonical)
        take = replace(take, frames=evened(take.frames, gain))
        tone = _tone(take, canonical)
        if improve:
            toned = replace(take, frames=tone(take.frames))
            take = replace(take, cameras=_improved(toned, canonical))
            tone = _tone(take, canonical)
        poses.append(take.cameras.world_to_camera)
        tones.append(tone)
        gains.append(gain)
    moment = seen.canonical
    if not frozen:
        colours = tones[0](evened(seen.reference, gains[0]))
        moment = frozen_moment(replace(takes[0], frames=colours, cameras=_posed(_path(seen), poses[0])), canonical)
    return Settled(moment, poses, tones, gains)


@torch.no_grad()
def frozen_moment(take: Take, canonical: Canonical) -> int:
    """The frame of a take that looks most like the scene does from its camera, where the frames differ at all."""
    drawn = [_drawn(canonical, take.cameras[number])[0] for number in range(len(take.cameras))]
    frames = take.frames
    misses = torch.stack(
        [(drawn[number if len(drawn) > 1 else 0] - frame).abs().mean(dim=-1) for number, frame in enumerate(frames)]
    )
    misses = F.avg_pool2d(misses[:, None], 5, 1, 2)[:, 0]
    if len(drawn) == 1:
        misses = misses * frames.mean(dim=-1).var(dim=0)  # what never changes tells no frame from another
    if take.mask is not None:
        misses = misses * take.mask
    score = misses.flatten(1).mean(dim=1)
    # one frame may look right by chance; its neighbours look nearly right too
    padded = torch.cat([score[:1], score, score[-1:]])
    return int((0.25 * padded[:-2] + 0.5 * score + 0.25 * padded[2:]).argmin())


def _path(seen: Observations) -> Cameras:
    return seen.reference_camera if seen.reference_path is None else seen.reference_path


def _posed(cameras: Cameras, poses: Float[Tensor, "F 4 4"]) -> Cameras:
    return replace(cameras, world_to_camera=poses.to(cameras.world_to_camera))


def _drawn(canonical: Canonical, camera: Cameras) -> tuple[Float[Tensor, "H W 3"], Bool[Tensor, "H W"]]:
    """What a camera (F = 1) sees of the canonical scene, and where it sees any of it."""
    device = canonical.gaussians.means.device
    grey = torch.full((3,), 0.5, device=device)
    camera = camera.to(device)
    seen = rasterize(canonical.gaussians, camera.world_to_camera[0], camera.intrinsics, camera.size, grey)
    return seen.colour, seen.alpha > COVERED


def _standing(take: Take) -> tuple[list[int], Float[Tensor, "K H W 3"]]:
    """Pictures to compare with: the middle of what a camera that stands still saw; else all frames."""
    if len(take.cameras) > 1:
        return list(range(len(take.frames))), take.frames
    some = torch.linspace(0, len(take.frames) - 1, min(STILL, len(take.frames))).round().long()
    return [0], take.frames[some].median(dim=0).values[None]


def evened(frames: Float[Tensor, "F H W 3"], gains: Float[Tensor, "F 3"] | None) -> Float[Tensor, "F H W 3"]:
    """Frames multiplied with their gains, where they have some."""
    return frames if gains is None else (frames * gains.to(frames)[:, None, None]).clamp(0, 1)


@torch.no_grad()
def _gains(take: Take, canonical: Canonical) -> Float[Tensor, "F 3"] | None:
    """Where its colours drift, the gains of its frames."""
    _, pictures = _standing(take)
    if len(take.cameras) > 1:
        pictures = torch.stack([_drawn(canonical, take.cameras[number])[0] for number in range(len(take.frames))])
    return drift(take.frames, pictures.to(take.frames), take.mask)


@torch.no_grad()
def _tone(take: Take, canonical: Canonical) -> Tone:
    seen, standard = [], []
    for number, picture in zip(*_standing(take), strict=True):
        drawn, covered = _drawn(canonical, take.cameras[number])
        if take.mask is not None:
            covered = covered & take.mask
        # blurred alike, since what is fitted is never as sharp as what was filmed
        soft = [F.avg_pool2d(x.permute(2, 0, 1), 5, 1, 2).permute(1, 2, 0)[covered] for x in (picture, drawn)]
        seen.append(soft[0])
        standard.append(soft[1])
    return tone_between(torch.cat(seen), torch.cat(standard))


def _improved(take: Take, canonical: Canonical) -> Cameras:
    """The cameras of a take turned and shifted until what stands still is where the scene has it."""
    poses = take.cameras.world_to_camera.clone()
    for number, picture in zip(*_standing(take), strict=True):
        poses[number] = _improved_pose(take.cameras[number], picture, take.mask, canonical)
    return _posed(take.cameras, poses)


def _improved_pose(
    camera: Cameras, picture: Float[Tensor, "H W 3"], mask: Bool[Tensor, "H W"] | None, canonical: Canonical
) -> Float[Tensor, "4 4"]:
    gaussians = canonical.gaussians
    device = gaussians.means.device
    grey = torch.full((3,), 0.5, device=device)
    correction = PoseCorrection(1, -1).to(device)
    optimizer = torch.optim.Adam(correction.parameters(), lr=RATE)
    start, intrinsics = camera.world_to_camera[0].to(device), camera.intrinsics.to(device)
    size = camera.size[0] // 2, camera.size[1] // 2
    wanted = halved(picture, 1).to(device)
    counts = torch.ones(wanted.shape[:2], device=device)
    if mask is not None:
        counts = (halved(mask[..., None].float(), 1)[..., 0] > 0.99).float().to(device)
    best, least = start, float("inf")
    for round_ in range(ROUNDS):
        pose = correction(start, 0)
        drawn = rasterize(gaussians, pose, intrinsics / 2, size, grey)
        miss = (drawn.colour - wanted).square().sum(dim=-1)
        robust = (miss / (miss + OUTLIER**2)) * counts * (drawn.alpha.detach() > COVERED)
        loss = robust.mean()
        if (now := loss.item()) < least:
            best, least = pose.detach(), now
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = RATE * 0.05 ** (round_ / ROUNDS)
        optimizer.step()
    return best.to(camera.world_to_camera)
