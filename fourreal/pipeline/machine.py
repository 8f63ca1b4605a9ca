"""What the moves stand on: the device, the folder, threads, kernels, memory."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from fourreal import system
from fourreal.errors import UserError
from fourreal.fit.losses import photometric
from fourreal.fit.rigidity import Neighbours, rigidity
from fourreal.fit.ssim import Target
from fourreal.progress import Event, Progress
from fourreal.settings import Preset
from fourreal.splat.rasterize.cpu import warm_up
from fourreal.splat.skinning import follow_learned


@contextmanager
def working_folder(out: Path) -> Iterator[Path]:
    """RUN/work, for this process alone. Where nothing came of it, it is taken away again."""
    work, existed = out / "work", out.exists()
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = open(work / "lock", "w")  # noqa: SIM115 closed below
    except OSError as error:
        raise UserError(f"Cannot write into {out}: {error.strerror}. Choose another folder with --out.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"Another reconstruction is writing into {out}. Wait for it, or choose another folder with --out."
            ) from error
        try:
            yield work
        finally:
            if [path.name for path in work.iterdir()] == ["lock"]:
                (work / "lock").unlink()
                work.rmdir()
                if not existed:
                    out.rmdir()


@contextmanager
def torch_threads(device: str, preset: Preset) -> Iterator[None]:
    """One thread for torch's own operations on a CPU, unless there is a network to train.

    They are many and small beside our kernels, and its threads spin in between: 47 ms of processor time a step of
    stage one instead of 30, and no less wall-clock time.
    """
    before = torch.get_num_threads()
    small = device == "cpu" and "mlp" not in (preset.canonical.deformation, preset.motion.deformation)
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def prepare_kernels(progress: Progress) -> None:
    """Compile the CPU kernels, or load them, before the clock of a stage runs."""
    progress(Event("prepare", message="half a minute the first time on a machine"))
    warm_up()
    photometric((image := torch.zeros(12, 12, 3, requires_grad=True)), Target.of(image.detach()), 0.5)[0].backward()
    means, quats, still = torch.eye(3), torch.ones(3, 4), torch.zeros(3, 3, requires_grad=True)
    rows = torch.arange(3)
    dx, dq = follow_learned(still, still, means, torch.zeros(3, 4), means, quats, rows)
    (dx.sum() + dq.sum() + rigidity(dx, quats, dq, Neighbours.of(means, 2), rows)[0]).backward()


def peak_memory(device: str) -> float:
    """Most memory this process held, in MB; on CUDA the device's."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return system.peak_memory() / 2**20
