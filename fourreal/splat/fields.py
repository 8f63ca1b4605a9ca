"""The deformation fields by name: made untrained from a description."""

import torch

from fourreal.splat.deform import DeformationField
from fourreal.splat.deformation_mlp import DeformationMLP
from fourreal.splat.motion_bases import MotionBases


def build(config: dict) -> DeformationField:
    """An untrained field from what `DeformationField.config` said; its weights are then loaded into it.

    Raises:
        ValueError: the description is of no known field.
    """
    config = dict(config)
    kind = config.pop("kind", None)
    if kind == "bases":
        count = config.pop("count")
        return MotionBases(torch.zeros(count, 3), torch.ones(count), **config)
    if kind == "mlp":
        return DeformationMLP(**config)
    raise ValueError(f"no deformation field is called {kind!r}")
