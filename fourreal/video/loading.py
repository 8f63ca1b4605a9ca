"""From weights on a disk to a model that can be asked: the one way for real weights and for a test's tiny ones."""

from pathlib import Path

import torch

from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, Progress
from fourreal.video import hub, lora
from fourreal.video.diffusers_model import DiffusersModel
from fourreal.video.memory import Plan, free_memory, make_plan
from fourreal.video.registry import Entry
from fourreal.video.weights import check_folder, fingerprint


def load_model(
    entry: Entry, model: type[DiffusersModel], source: Path | str | None, device: str | None, adapter: str | None,
    progress: Progress, cancel: CancelToken,
) -> DiffusersModel:  # fmt: skip
    """See `registry.load`."""
    file = lora.find(adapter, entry.adapters) if adapter else None
    folder = _given(source) if source is not None else hub.fetch(entry, progress, cancel)
    sizes = check_folder(folder, {"transformer": model.TRANSFORMER})
    plan = make_plan(entry, sizes, free_memory(device))
    progress(Event("loading", message=f"Loading {entry.title}. {plan.sentence}"))
    pipe = open_pipeline(model, folder, plan, file)
    cancel.check()
    bent = f" {file.name} {file.stat().st_size}" if file else ""
    return model(pipe, entry.capabilities, f"{entry.name} {fingerprint(folder)}{bent}")


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
