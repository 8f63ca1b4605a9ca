"""A scene as plain tensors and JSON, and back; what comes back is checked value by value."""

from dataclasses import fields

import torch
from torch import Tensor

from fourreal.camera.align import Similarity
from fourreal.camera.cameras import Cameras, Origin
from fourreal.scene.reading import Malformed, number, numbers, value, whole
from fourreal.scene.scene4d import Scene4D, moments_of
from fourreal.splat.deform import DeformationField
from fourreal.splat.fields import build
from fourreal.splat.gaussians import Gaussians, finite_logits
from fourreal.splat.packing import under

MAX_FIELD_NUMBER = 10_000  # no count in a field's description is larger; an absurd one must not fill the memory
MAX_SIDE = 65_536  # pixels
MAX_FRAME = 10_000_000  # no video of ours has that many frames


def tensors(scene: Scene4D) -> dict[str, Tensor]:
    """Every tensor of the scene by a dotted name, on the CPU."""
    named = under("gaussians", scene.gaussians.tensors()) | under("field", scene.field.state_dict())
    named |= under("reference", scene.reference.tensors()) | under("freeze", scene.freeze.tensors())
    named["background"] = scene.background
    # Copies, as the file format refuses tensors that share memory: both videos may have one set of intrinsics.
    return {name: value.detach().cpu().clone().contiguous() for name, value in named.items()}


def description(scene: Scene4D) -> dict:
    """What the tensors do not say, JSON-able."""
    return {
        "fps": scene.fps,
        "field": scene.field.config(),
        "similarity": scene.similarity.to_dict(),
        "cameras": {
            "reference": _describe_cameras(scene.reference),
            "freeze": _describe_cameras(scene.freeze) | {"frames": list(scene.freeze_frames)},
        },
    }


def _describe_cameras(cameras: Cameras) -> dict:
    origin = cameras.origin
    return {
        "size": list(cameras.size),
        "origin": {"method": origin.method, "confidence": origin.confidence, "note": origin.note},
    }


def check_manifest(manifest: dict) -> None:
    """Check the structural keys.

    Raises:
        Malformed: one is missing or is not what it should be.
    """
    value(manifest, str, "tensors", "sha256")
    for key in ("splats", "moving_splats", "frames"):
        whole(manifest, key)
    whole(manifest, "canonical_frame")
    if not 0.01 <= number(manifest, "fps") <= 1000:
        raise Malformed("fps is out of range")
    value(manifest, dict, "field")
    similarity(manifest)
    for video in ("reference", "freeze"):
        _size(manifest, video)
        _origin(manifest, video)
    _freeze_frames(manifest)
    _moments(manifest)


def assemble(named: dict[str, Tensor], manifest: dict) -> Scene4D:
    """The scene of `tensors` and of a manifest that passed `check_manifest`.

    Raises:
        Malformed: a tensor is missing, is of another shape or type, or is not finite. Opacities may be infinite, as
            earlier versions wrote them; they come back as large logits.
    """
    if (logits := named.get("gaussians.opacities")) is not None and logits.is_floating_point():
        named = named | {"gaussians.opacities": finite_logits(logits)}
    splats = Gaussians(
        **{
            field.name: tensor(named, f"gaussians.{field.name}", shape, torch.bool if field.name == "moves" else None)
            for field, shape in zip(fields(Gaussians), _shapes(manifest["splats"]), strict=True)
        }
    )
    field = _field(named, manifest)
    _probe(field, splats)
    freeze_frames = _freeze_frames(manifest)
    return Scene4D(
        gaussians=splats,
        field=field,
        reference=_cameras(named, manifest, "reference", 1),
        freeze=_cameras(named, manifest, "freeze", len(freeze_frames)),
        freeze_frames=freeze_frames,
        similarity=similarity(manifest),
        fps=float(manifest["fps"]),
        background=tensor(named, "background", (3,)),
        moments=_moments(manifest),
    )


def _shapes(count: int) -> list[tuple]:
    """The shapes of the tensors of `Gaussians`, in order; None is any length."""
    return [(count, 3), (count, 4), (count, 3), (count,), (count, 3), (count,), (count, None)]


def tensor(named: dict[str, Tensor], name: str, shape: tuple, dtype: torch.dtype | None = None) -> Tensor:
    """A finite tensor of that shape (None: any length) and type (float32 unless given)."""
    if name not in named:
        raise Malformed(f"{name} is missing")
    stored = named[name]
    fits = stored.dim() == len(shape) and all(s is None or s == f for s, f in zip(shape, stored.shape, strict=True))
    if not fits or stored.dtype != (dtype or torch.float32):
        raise Malformed(f"{name} is {stored.dtype} of shape {tuple(stored.shape)}, expected {shape}")
    if not torch.isfinite(stored).all():
        raise Malformed(f"{name} is not finite")
    return stored


def _field(named: dict[str, Tensor], manifest: dict) -> DeformationField:
    """The trained field. It is first built without memory, as its description may ask for more than the file holds."""
    config = manifest["field"]
    numbers = [n for entry in config.values() for n in (entry if isinstance(entry, list) else [entry])]
    if any(isinstance(n, int) and not 0 <= n <= MAX_FIELD_NUMBER for n in numbers):
        raise Malformed("the field's description is out of range")
    frames, canonical = whole(manifest, "field", "frames"), whole(manifest, "field", "canonical")
    if (frames, canonical) != (manifest["frames"], manifest["canonical_frame"]) or canonical >= frames:
        raise Malformed("the field's frames are not the manifest's")
    try:
        with torch.device("meta"):
            expected = build(config).state_dict()
    except (TypeError, ValueError, IndexError, KeyError, RuntimeError) as error:
        raise Malformed(f"the field's description makes no field: {error}") from error
    state = {name: tensor(named, f"field.{name}", tuple(e.shape), e.dtype) for name, e in expected.items()}
    field = build(config)
    field.load_state_dict(state)
    return field.requires_grad_(False).eval()


def _probe(field: DeformationField, splats: Gaussians) -> None:
    """Ask the field for one Gaussian's motion: it shows whether the two belong together."""
    try:
        field.offsets(splats[:1].map(lambda x: x | True if x.dtype == torch.bool else x), 0.5)
    except (RuntimeError, ValueError) as error:
        raise Malformed(f"the field does not fit the splats: {error}") from error


def _cameras(named: dict[str, Tensor], manifest: dict, video: str, count: int) -> Cameras:
    matrices = tensor(named, f"{video}.world_to_camera", (count, 4, 4))
    turned = matrices[:, :3, :3]
    if not torch.allclose(turned @ turned.transpose(1, 2), torch.eye(3), atol=1e-3):
        raise Malformed(f"{video}.world_to_camera is not rigid")
    intrinsics = tensor(named, f"{video}.intrinsics", (4,))
    if not (intrinsics[:2] > 0).all():
        raise Malformed(f"{video}.intrinsics has a focal length of zero or less")
    return Cameras(matrices, intrinsics, _size(manifest, video), _origin(manifest, video))


def similarity(manifest: dict) -> Similarity:
    """The similarity of a manifest."""
    try:
        return Similarity.from_dict(value(manifest, dict, "similarity"))
    except ValueError as error:
        raise Malformed(str(error)) from error


def _size(manifest: dict, video: str) -> tuple[int, int]:
    width, height = (int(n) for n in numbers(manifest, (2,), "cameras", video, "size"))
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise Malformed(f"the size of the {video} cameras is out of range")
    return width, height


def _origin(manifest: dict, video: str) -> Origin:
    where = ("cameras", video, "origin")
    return Origin(
        value(manifest, str, *where, "method"),
        number(manifest, *where, "confidence"),
        value(manifest, str, *where, "note"),
    )


def _freeze_frames(manifest: dict) -> tuple[int, ...]:
    return _rising(manifest, "cameras", "freeze", "frames")


def _moments(manifest: dict) -> tuple[float, ...]:
    if "reference_frames" not in manifest:
        return ()
    frames = _rising(manifest, "reference_frames")
    if len(frames) != manifest["frames"]:
        raise Malformed("reference_frames are not as many as the scene has")
    return moments_of(frames)


def _rising(manifest: dict, *path: str) -> tuple[int, ...]:
    frames = value(manifest, list, *path)
    if not frames or not all(type(f) is int and 0 <= f <= MAX_FRAME for f in frames) or sorted(set(frames)) != frames:
        raise Malformed(f"{'.'.join(path)} is not a rising list of frames")
    return tuple(frames)
