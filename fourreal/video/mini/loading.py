"""The embedded model from its files, checked against the sums that came along with them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from fourreal.device import pick_device
from fourreal.errors import UserError
from fourreal.progress import Event
from fourreal.video.mini.model import Mini
from fourreal.video.mini.network import MiniNetwork
from fourreal.video.mini.upsampler import Upsampler
from fourreal.video.registry import Entry, Order
from fourreal.video.shelf import write_json

SUMS = "checksums.json"
PARTS = {"network": MiniNetwork, "upsampler": Upsampler}
FILES = [f"{part}/{name}" for part in PARTS for name in ("config.json", "diffusion_pytorch_model.safetensors")]


def load_model(order: Order) -> Mini:
    """See `registry.load`. It has no adapters."""
    folder, identity = fetch(order)
    entry, device = order.entry, pick_device(order.device)
    order.progress(
        Event("loading", message=f"Loading {entry.title}, a small demonstration model. It runs on {device}.")
    )
    order.cancel.check()
    try:
        parts = {
            name: kind.from_pretrained(
                str(folder / name), torch_dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
            for name, kind in PARTS.items()
        }
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(f"The weights of {entry.title} cannot be loaded: {error}. {_REMEDY}") from error
    return order.model(parts["network"], parts["upsampler"], entry.capabilities, identity, device)


def fetch(order: Order) -> tuple[Path, str]:
    """See `registry.fetch`."""
    if order.adapter:
        raise UserError(f"{order.entry.title} has no adapters. Leave the adapter out, or choose another model.")
    folder = here(order)
    return folder, f"{order.entry.name} {checked(folder)}"


def here(order: Order) -> Path:
    """See `registry.here`."""
    folder = Path(order.source).expanduser().absolute() if order.source is not None else _folder(order.entry)
    checked(folder)
    return folder


_REMEDY = "Get them again: assets/mini of this program, as it was published."


def checked(folder: Path) -> str:
    """A name for the weights in `folder`, of their content; UserError where they are missing or not what they were."""
    try:
        sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))
        wanted = {name: str(sums[name]) for name in FILES}
        digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The embedded model's weights in {folder.name} are not whole ({error}). {_REMEDY}") from error
    damaged = [name for name in FILES if wanted[name] != digests[name]]
    if damaged:
        raise UserError(f"The embedded model's weights are damaged: {', '.join(damaged)}. {_REMEDY}")
    return hashlib.sha256("".join(digests[name] for name in FILES).encode()).hexdigest()[:16]


def save(folder: Path, network: MiniNetwork, upsampler: Upsampler) -> None:
    """Write weights, at two bytes a number, as `load_model` reads them."""
    for name, part in (("network", network), ("upsampler", upsampler)):
        kind = type(part)
        small: Any = kind.from_config({key: value for key, value in part.config.items() if key != "_name_or_path"})
        small.load_state_dict(part.state_dict())
        small.half().save_pretrained(folder / name, safe_serialization=True)
    index = {"_class_name": "Mini", **{name: ["fourreal", kind.__name__] for name, kind in PARTS.items()}}
    write_json(folder / "model_index.json", index)
    write_json(folder / SUMS, {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES})


def _folder(entry: Entry) -> Path:
    from fourreal.video.hub import at_hand

    folder = at_hand(entry)
    if folder is None or not folder.is_dir():
        raise UserError(f"The weights of {entry.title} are not there. {_REMEDY}")
    return folder
