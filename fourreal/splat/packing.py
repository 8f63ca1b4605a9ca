"""Values side by side as named tensors of one file: artifacts, checkpoints and the finished scene have them alike."""

from collections.abc import Mapping

from torch import Tensor


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` as "<prefix>.<name>"."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries "<prefix>.<name>" of `tensors`, by name."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
