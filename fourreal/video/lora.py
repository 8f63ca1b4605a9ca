"""LoRAs for orbits and bullet time, which stand in for the paper's context embedding of circling cameras.

They are added into the weights, so that nothing runs slower and offloading works as without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourreal.errors import UserError


@dataclass(frozen=True)
class Adapter:
    """A LoRA that is known of. None of them has been run here.

    base: the model it was made for. It may do something with a sibling, or nothing.
    """

    name: str
    repository: str
    base: str
    note: str


ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        Adapter("360-orbit", "Remade-AI/360-Orbit", "Wan2.1-I2V-14B", "a full circle around the subject"),
        Adapter("arc-shot", "Remade-AI/Arc_shot", "Wan2.1-I2V-14B", "an arc around the subject"),
        Adapter("matrix-shot", "Remade-AI/matrix-shot", "Wan2.1-I2V-14B", "bullet time: circling a frozen moment"),
        Adapter("bullet-time", "joyfox/Wan2.1-BulletTime-LoRA", "Wan2.1-I2V-14B", "bullet time"),
        Adapter("orbit-shot", "ostris/wan22_i2v_14b_orbit_shot_lora", "Wan2.2-I2V-A14B", "an orbit, about 180 degrees"),
    )
}


def find(adapter: str, bases: tuple[str, ...]) -> Path:
    """The file of a LoRA that is named as in `registry.load`, downloaded if need be.

    bases: what the model at hand can take, for those that are known.

    Raises UserError where there is none or it is not meant for this model.
    """
    if Path(adapter).is_file():
        return Path(adapter)
    repository, _, file = adapter.partition(":")
    if adapter in ADAPTERS:
        entry = ADAPTERS[adapter]
        if entry.base not in bases:
            fitting = [name for name, other in ADAPTERS.items() if other.base in bases]
            raise UserError(
                f"The LoRA {adapter} is made for {entry.base}, not for this model. "
                + (f"These fit: {', '.join(fitting)}." if fitting else "None of the known ones fits it; leave it out.")
            )
        repository, file = entry.repository, ""
    if "/" not in repository:
        raise UserError(f"There is no LoRA {adapter!r}. Known are {', '.join(ADAPTERS)}; or give a file.")
    return _download(repository, file)


def _download(repository: str, file: str) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    try:
        if not file:
            names = [name for name in HfApi().list_repo_files(repository) if name.endswith(".safetensors")]
            if len(names) != 1:
                raise UserError(f"{repository} holds {len(names)} LoRAs: {', '.join(names)}. Say {repository}:file.")
            file = names[0]
        return Path(hf_hub_download(repository, file))
    except UserError:
        raise
    except OSError as error:  # all of the hub's and the network's are
        raise UserError(
            f"The LoRA {repository} could not be had. Check its name and the network, or "
            "download it elsewhere and give its file."
        ) from error


def merge(pipe, file: Path, strength: float | int = 1.0) -> int:
    """Add a LoRA's matrices to the transformer's weights; how many layers it changed.

    Raises UserError where the file is no LoRA or does not fit.
    """
    import torch

    try:
        state = pipe.lora_state_dict(_read(file))
    except (ValueError, KeyError, OSError, AttributeError) as error:
        raise UserError(f"{file.name} cannot be read as a LoRA ({error}). Leave it out, or give another.") from error
    layers = dict(pipe.transformer.named_modules())
    downs = {name: tensor for name, tensor in state.items() if name.endswith(".lora_A.weight")}
    changes = []
    for name, down in downs.items():
        stem = name.removesuffix(".lora_A.weight")
        layer, up = layers.get(stem.removeprefix("transformer.")), state.get(f"{stem}.lora_B.weight")
        if layer is None or up is None or (len(up), down.shape[1]) != tuple(layer.weight.shape):
            continue  # made for a sibling with more layers, or others
        changes.append((layer, up, down, _alpha(state, stem, len(down)) / len(down)))
    if not downs or len(changes) < len(downs) / 2:
        raise UserError(
            f"{file.name} does not fit this model: {len(changes)} of its {len(downs)} layers are found there. Leave "
            "it out, or give one made for it."
        )
    with torch.no_grad():
        for layer, up, down, scale in changes:
            layer.weight += (strength * scale * (up.float() @ down.float())).to(layer.weight)
    return len(changes)


def _alpha(state: Mapping[str, Any], stem: str, rank: int) -> float:
    alpha = state.get(f"{stem}.alpha")
    return float(rank if alpha is None else alpha)


def _read(file: Path):
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
