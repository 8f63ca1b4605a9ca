"""Checkpoints and artifacts: safetensors files that are whole or not there at all."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fourreal.errors import UserError
from fourreal.whole import whole


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a file that is whole or not there.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        with whole(path, path.with_name(path.name + ".part")) as temporary:  # a killed run's is written over
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, dict(metadata))
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"Could not write {path}: {error}. Free some space or choose another folder, then run the same command "
            "again; it continues from the last checkpoint."
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Tensors and metadata, or None where there is no such file or it is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        return None
    except SafetensorError:
        return None


def write_checkpoint(path: Path, state: Mapping[str, Tensor], next_step: int, seconds: float) -> None:
    """Keep `state`, to go on with step `next_step` after `seconds` of work."""
    write_tensors(path, state, {"next_step": str(next_step), "seconds": str(seconds)})


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], int, float] | None:
    """(state, next step, seconds), or None where there is no whole checkpoint."""
    stored = read_tensors(path)
    if stored is None:
        return None
    tensors, metadata = stored
    try:
        return tensors, int(metadata["next_step"]), float(metadata["seconds"])
    except (KeyError, ValueError):
        return None
