"""A scene on disk: `scene.safetensors` and `manifest.json` in the run's folder.

A folder with a manifest holds a whole scene: both files are written and synced under other names first, and the
manifest takes its name last. What is read back is not trusted: nothing in a bundle can run code, and every tensor is
checked before it is used.

The structural keys of the manifest are `STRUCTURE`. Beside them the pipeline writes, and `fourreal.evaluate` reads
where present: `inputs` {reference, freeze: {sha256, frames, ...}}, `held_out_freeze` [indices],
`seconds` {poses, canonical, motion, total}, `peak_memory_mb`, `settings`, `seed`.
"""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as tensor_bytes

import fourreal
from fourreal.errors import UserError
from fourreal.scene import parts
from fourreal.scene.reading import Malformed, not_a_number
from fourreal.scene.scene4d import Scene4D
from fourreal.whole import replace_files

FORMAT = 1  # raised when older products can no longer read what is written
TENSORS, MANIFEST = "scene.safetensors", "manifest.json"
MANIFEST_BYTES = 16 * 1024**2  # a larger one is not ours
STRUCTURE = (
    "format",
    "version",
    "tensors",
    "splats",
    "moving_splats",
    "frames",
    "canonical_frame",
    "fps",
    "field",
    "similarity",
    "cameras",
)


def save(scene: Scene4D, folder: Path, manifest: dict) -> None:
    """Write the scene into `folder`, made if it does not exist; a scene already there is replaced as a whole.

    Args:
        manifest: JSON-able, what else should be remembered; no key of `STRUCTURE`.

    Raises:
        ValueError: a key of `manifest` is structural, or a value is not finite.
        UserError: `load` would refuse the scene, the folder cannot be written or the disk is full; what was there
            stays as it was.
    """
    if taken := set(manifest) & set(STRUCTURE):
        raise ValueError(f"the bundle itself writes {sorted(taken)}")
    named = parts.tensors(scene)
    payload = tensor_bytes(named)
    structure = {
        "format": FORMAT,
        "version": fourreal.__version__,
        "tensors": {"file": TENSORS, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()},
        "splats": len(scene.gaussians),
        "moving_splats": int(scene.gaussians.moves.sum()),
        "frames": scene.frames,
        "canonical_frame": scene.field.canonical,
        **parts.description(scene),
    }
    text = json.dumps(structure | manifest, indent=2, allow_nan=False) + "\n"
    content = text.encode()
    try:
        parts.check_manifest(json.loads(text))
        parts.assemble(named, structure)
        if len(content) > MANIFEST_BYTES:
            raise Malformed(f"{MANIFEST} would be too large")
    except Malformed as error:
        raise UserError(
            f"The scene cannot be kept: it would not be read again ({error}). Reconstruct with another seed."
        ) from error
    replace_files(folder, {TENSORS: payload, MANIFEST: content})


def load(folder: Path) -> Scene4D:
    """The scene that `save` wrote, on the CPU.

    Raises:
        UserError: no scene there, an unfinished one, a damaged one, or one of a newer version.
    """
    manifest = read_manifest(folder)
    path = folder / TENSORS
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise damaged(folder, f"{TENSORS} cannot be read: {error.strerror}") from error
    if hashlib.sha256(payload).hexdigest() != manifest["tensors"]["sha256"]:
        raise damaged(folder, f"{TENSORS} is not what {MANIFEST} says was written")
    try:
        return parts.assemble(parse_tensors(payload), manifest)
    except (Malformed, SafetensorError) as error:
        raise damaged(folder, str(error)) from error


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished run, its structural keys checked.

    Raises:
        UserError: as `load`.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise absent(folder)
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            raise damaged(folder, f"{MANIFEST} is larger than any of ours")
        manifest = json.loads(path.read_text(encoding="utf-8"), parse_constant=not_a_number)
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(folder, f"{MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise damaged(folder, f"{MANIFEST} does not describe a scene")
    if manifest["format"] > FORMAT:
        raise UserError(
            f"The scene in {folder} was written by a newer version (format {manifest['format']}, this one reads up to "
            f"{FORMAT}): update fourreal, or reconstruct again with this version into another folder."
        )
    try:
        parts.check_manifest(manifest)
    except Malformed as error:
        raise damaged(folder, str(error)) from error
    return manifest


def absent(folder: Path) -> UserError:
    """Why there is no scene in `folder`."""
    if not folder.is_dir():
        return UserError(f"{folder} is not the folder of a run: give the folder that `reconstruct --out` wrote.")
    if any(folder.iterdir()):
        return UserError(
            f"{folder} holds no finished scene. If a reconstruction into it was interrupted, run the same command "
            "again: it continues where it stopped. Otherwise give the folder that `reconstruct --out` wrote."
        )
    return UserError(f"{folder} is empty: give the folder that `reconstruct --out` wrote.")


def damaged(folder: Path, reason: str) -> UserError:
    return UserError(
        f"The scene in {folder} is damaged ({reason}). Restore the folder from a copy, or reconstruct it again."
    )
