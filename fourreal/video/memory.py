"""How a model is laid out in the memory there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fourreal import system
from fourreal.device import pick_device
from fourreal.errors import UserError
from fourreal.video.registry import GB, MODELS, Entry

Offload = Literal["none", "model", "sequential"]

_ROOMY = 4 * GB  # beyond what is needed; with less the autoencoder works tile by tile
_SLIVER = 2 * GB  # of graphics memory, with which a model still runs when its layers come and go one by one


@dataclass(frozen=True)
class Memory:
    """What is free, in bytes: of the device that computes, and of the machine. device: "cuda" or "cpu"."""

    device: str
    free: int
    host: int


@dataclass(frozen=True)
class Plan:
    """How a model is loaded.

    dtype: "bfloat16", or "float32" on a CPU with room for it, where bfloat16 is slow.
    offload: what waits in the machine's memory: nothing; whole components that are not at work; or every layer but the
        one at work, which is slow.
    tiling: whether the autoencoder works tile by tile.
    slow: whether the model is too large for a CPU to be quick with.
    """

    device: str
    dtype: str
    offload: Offload
    tiling: bool
    slow: bool = False

    @property
    def remark(self) -> str:
        """What a person should know of it besides the device: "" where nothing is out of the ordinary."""
        return self.sentence if self.slow or self.offload != "none" else ""

    @property
    def sentence(self) -> str:
        where = "on the graphics card" if self.device.startswith("cuda") else "on the CPU"
        where += ", which is slow" * self.slow
        waiting = {
            "none": "",
            "model": ", the parts that are not at work waiting in the machine's memory",
            "sequential": ", layer by layer as little memory is free, which is slow",
        }
        return f"It runs {where}{waiting[self.offload]}{', decoding in tiles' if self.tiling else ''}."


def free_memory(device: str | None = None) -> Memory:
    """What is free now on `device`, or on the graphics card if there is one."""
    import torch

    device = pick_device(device)
    host = host_memory()
    if not device.startswith("cuda"):
        return Memory(device, host, host)
    return Memory(device, torch.cuda.mem_get_info(torch.device(device))[0], host)


def host_memory() -> int:
    """Bytes of the machine's memory that are free to this process, containers' limits considered."""
    free = system.free_memory()
    return max(0, min([free, *(most - used for most, used in system.group_memory())]))


def make_plan(entry: Entry, sizes: Mapping[str, int], memory: Memory) -> Plan:
    """How the components of these `sizes`, bytes at two a parameter, go into `memory`.

    Raises UserError, with the models that would fit, where they do not.
    """
    plan = _plan(entry, sizes, memory)
    if plan is not None:
        return plan
    fit = [other.title for other in MODELS.values() if fits(other, memory)]
    what = "the machine" if memory.host < sum(sizes.values()) or memory.device == "cpu" else "the graphics card"
    free = memory.host if what == "the machine" else memory.free
    raise UserError(
        f"{entry.title} needs {sum(sizes.values()) / GB:.1f} GB for its weights, but {what} has {free / GB:.1f} GB of "
        f"memory free. {'These would fit: ' + ', '.join(fit) + '.' if fit else 'None of the models would fit.'} "
        "Closing other programs may help too."
    )


def fits(entry: Entry, memory: Memory) -> bool:
    """Whether a model would run at all, judged before its weights are there."""
    return _plan(entry, expected_sizes(entry), memory) is not None


def expected_sizes(entry: Entry) -> dict[str, int]:
    """Bytes of the components at two a parameter, as the registry has them."""
    return {name: int(billions * 2e9) for name, billions in entry.parameters.items()}


def _plan(entry: Entry, sizes: Mapping[str, int], memory: Memory) -> Plan | None:
    total, largest, working = sum(sizes.values()), max(sizes.values()), int(entry.working_gb * GB)
    if memory.device == "cpu":
        slow = total >= GB
        if 2 * total + working <= memory.free:
            return Plan("cpu", "float32", "none", 2 * total + working + _ROOMY > memory.free, slow)
        if 2 * total + _SLIVER // 2 <= memory.free and not slow:  # tiny weights: what they work on is tiny too
            return Plan("cpu", "float32", "none", True)
        half = entry.cpu_bfloat16 and total * 1.1 <= memory.free
        return Plan("cpu", "bfloat16", "none", True, slow) if half else None
    if total + working <= memory.free:
        return Plan(memory.device, "bfloat16", "none", total + working + _ROOMY > memory.free)
    if memory.host < total * 1.1:
        return None
    if largest + working <= memory.free:
        return Plan(memory.device, "bfloat16", "model", largest + working + _ROOMY > memory.free)
    return Plan(memory.device, "bfloat16", "sequential", True) if memory.free >= _SLIVER else None
