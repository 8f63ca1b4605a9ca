"""From weights on a disk to a model that can be asked: the one way for real weights and for a test's tiny ones."""

from pathlib import Path

import torch

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, Progress
from fourreal.video import hub, lora
from fourreal.video.diffusers_model import DiffusersModel
from fourreal.video.memory import Plan, expected_sizes, free_memory, make_plan
from fourreal.video.registry import Entry
from fourreal.video.weights import check_folder, fingerprint


def load_model(
    entry: Entry,
    model: type[DiffusersModel],
    source: Path | str | None,
    device: str | None,
    adapter: str | None,
    progress: Progress,
    cancel: CancelToken,
) -> DiffusersModel:
    """See `registry.load`."""
    folder, identity = fetch(entry, model, source, device, adapter, progress, cancel)
    file = lora.find(adapter, entry.adapters) if adapter else None
    plan = make_plan(entry, check_folder(folder, {"transformer": model.TRANSFORMER}), free_memory(device))
    progress(Event("loading", message=f"Loading {entry.title}. {plan.sentence}"))
    pipe = open_pipeline(model, folder, plan, file)
    cancel.check()
    return model(pipe, entry.capabilities, identity)


def fetch(
    entry: Entry,
    model: type[DiffusersModel],
    source: Path | str | None,
    device: str | None,
    adapter: str | None,
    progress: Progress,
    cancel: CancelToken,
) -> tuple[Path, str]:
    """See `registry.fetch`."""
    file = lora.find(adapter, entry.adapters) if adapter else None
    folder = here(entry, model, source)
    if folder is None:
        make_plan(entry, expected_sizes(entry), free_memory(device))  # nobody waits for what has no room here
        folder = hub.fetch(entry, progress, cancel)
        check_folder(folder, {"transformer": model.TRANSFORMER})
    bent = f" {file.name} {file.stat().st_size}" if file else ""
    return folder, f"{entry.name} {fingerprint(folder)}{bent}"


def here(entry: Entry, model: type[DiffusersModel], source: Path | str | None) -> Path | None:
    """See `registry.here`."""
    folder = _given(source) if source is not None else hub.at_hand(entry)
    if folder is None:
        folder = hub.local_copy(entry) if hub.on_disk(entry) else None
    if folder is not None:
        check_folder(folder, {"transformer": model.TRANSFORMER})
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
