"""From weights on a disk to a model that can be asked: the one way for real weights and for a test's tiny ones."""

from pathlib import Path

import torch

from fourreal.errors import UserError
from fourreal.progress import Event
from fourreal.video import hub, lora
from fourreal.video.diffusers_model import DiffusersModel
from fourreal.video.memory import Plan, expected_sizes, free_memory, make_plan
from fourreal.video.registry import Order
from fourreal.video.weights import check_folder, fingerprint


def load_model(order: Order) -> DiffusersModel:
    """See `registry.load`."""
    folder, identity = fetch(order)
    entry, model = order.entry, order.model
    file = lora.find(order.adapter, entry.adapters) if order.adapter else None
    plan = make_plan(entry, check_folder(folder, {"transformer": model.TRANSFORMER}), free_memory(order.device))
    order.progress(Event("loading", message=f"Loading {entry.title}. {plan.sentence}"))
    pipe = open_pipeline(model, folder, plan, file)
    order.cancel.check()
    return model(pipe, entry.capabilities, identity)


def fetch(order: Order) -> tuple[Path, str]:
    """See `registry.fetch`."""
    entry = order.entry
    file = lora.find(order.adapter, entry.adapters) if order.adapter else None
    folder = here(order)
    if folder is None:
        make_plan(entry, expected_sizes(entry), free_memory(order.device))  # nobody waits for what has no room here
        folder = hub.fetch(entry, order.progress, order.cancel)
        check_folder(folder, {"transformer": order.model.TRANSFORMER})
    bent = f" {file.name} {file.stat().st_size}" if file else ""
    return folder, f"{entry.name} {fingerprint(folder)}{bent}"


def here(order: Order) -> Path | None:
    """See `registry.here`."""
    folder = _given(order.source) if order.source is not None else hub.at_hand(order.entry)
    if folder is None:
        folder = hub.local_copy(order.entry) if hub.on_disk(order.entry) else None
    if folder is not None:
        check_folder(folder, {"transformer": order.model.TRANSFORMER})
    return folder


def open_pipeline(model: type[DiffusersModel], folder: Path, plan: Plan, adapter: Path | None = None):
    """The pipeline of a checked folder, laid out as planned."""
    _hush()
    try:
        pipe = model.pipeline().from_pretrained(
            str(folder), dtype=getattr(torch, plan.dtype), use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise UserError(
            f"The weights in {folder.name} cannot be loaded as {model.PIPELINE}: {error}. Download them again, or give "
            "the folder of the model that was chosen."
        ) from error
    if adapter is not None:
        lora.merge(pipe, adapter)
    if plan.tiling and hasattr(pipe.vae, "enable_tiling"):
        pipe.vae.enable_tiling()
    if plan.offload == "model":
        pipe.enable_model_cpu_offload(device=plan.device)
    elif plan.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=plan.device)
    else:
        pipe.to(plan.device)
    return pipe


def _hush() -> None:
    """No bars and no advice to programmers on the terminal: what goes on is reported to whoever asked."""
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()


def _given(source: Path | str) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. Give that of a diffusers model, or none to use the hub.")
    return folder.absolute()
