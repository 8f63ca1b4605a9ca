"""The Gaussians as trained parameters with their Adam state."""

from collections.abc import Mapping
from dataclasses import fields

import torch
from torch import Tensor

from fourreal.splat.gaussians import Gaussians


class SplatOptimizer:
    """One Adam for each tensor of `Gaussians`, as growth needs it: rows can be taken and added at any time.

    rates: learning rate by the tensor's name; a tensor without one is not trained.
    """

    def __init__(self, gaussians: Gaussians, rates: Mapping[str, float]) -> None:
        self.params = {
            name: torch.nn.Parameter(tensor.detach().clone(), requires_grad=name in rates)
            for name, tensor in gaussians.tensors().items()
        }
        self.optimizers = {
            name: torch.optim.Adam([self.params[name]], lr=rate, eps=1e-15, fused=True) for name, rate in rates.items()
        }

    @property
    def gaussians(self) -> Gaussians:
        """The parameters as they are now, with gradients."""
        return Gaussians(**{f.name: self.params[f.name] for f in fields(Gaussians)})

    def __len__(self) -> int:
        return len(self.params["means"])

    def set_rate(self, name: str, rate: float) -> None:
        for group in self.optimizers[name].param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def mask_gradients(self, frozen: Tensor) -> None:
        """Take the gradient from the rows where `frozen` (N,) is set."""
        for parameter in self.params.values():
            if parameter.grad is not None:
                parameter.grad[frozen] = 0

    def step(self) -> None:
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Parameters and Adam moments, flat, for a checkpoint."""
        return {f"splat.{k}": p.detach() for k, p in self.params.items()} | {
            f"adam.{name}.{k}": v
            for name, optimizer in self.optimizers.items()
            for k, v in adam_state(optimizer, [self.params[name]]).items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, old in self.params.items():
            new = torch.nn.Parameter(state[f"splat.{name}"].to(old.device), requires_grad=old.requires_grad)
            self.params[name] = new
            if name in self.optimizers:
                optimizer = self.optimizers[name]
                optimizer.state.clear()
                optimizer.param_groups[0]["params"] = [new]
                prefix = f"adam.{name}."
                restore_adam(optimizer, [new], {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})


def adam_state(optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]) -> dict[str, Tensor]:
    """The moments of `parameters`, named "<index>.<moment>"."""
    return {
        f"{i}.{k}": v.detach()
        for i, p in enumerate(parameters)
        for k, v in optimizer.state.get(p, {}).items()
        if isinstance(v, Tensor)
    }


def restore_adam(
    optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], state: Mapping[str, Tensor]
) -> None:
    """The inverse of `adam_state`. A fused Adam, as all here are, counts its steps where its parameters are."""
    for key, value in state.items():
        index, moment = key.split(".")
        parameter = parameters[int(index)]
        optimizer.state[parameter][moment] = value.to(parameter.device).clone()
