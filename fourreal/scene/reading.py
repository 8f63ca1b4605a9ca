"""Values out of JSON that is not trusted: each one there, of its type, finite."""

from types import UnionType

import torch
from torch import Tensor

LARGEST = 1e30  # no number of a scene is, and what is larger overflows float32


class Malformed(Exception):
    """What was read is not what it should be. The message says which value is wrong."""


def not_a_number(token: str) -> float:
    """JSON's `parse_constant`: refuses what JSON does not have."""
    raise ValueError(f"{token} is not a number")


def value(values: dict, kind: type | UnionType, *path: str):
    """The value at a path of keys, of that type."""
    node = values
    for key in path:
        if not isinstance(node, dict) or key not in node:
            raise Malformed(f"{'.'.join(path)} is missing")
        node = node[key]
    if not isinstance(node, kind) or (isinstance(node, bool) and kind is not bool):
        raise Malformed(f"{'.'.join(path)} is not a {getattr(kind, '__name__', 'number')}")
    return node


def whole(values: dict, *path: str) -> int:
    """A whole number >= 0."""
    count = value(values, int, *path)
    if count < 0:
        raise Malformed(f"{'.'.join(path)} is negative")
    return count


def number(values: dict, *path: str) -> float:
    """A finite number."""
    figure = value(values, int | float, *path)
    if not -LARGEST < figure < LARGEST:
        raise Malformed(f"{'.'.join(path)} is not a number")
    return float(figure)


def numbers(values: dict, shape: tuple[int, ...], *path: str) -> Tensor:
    """A nested list of finite numbers of that shape, as float32."""
    try:
        array = torch.tensor(value(values, list, *path), dtype=torch.float64).float()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise Malformed(f"{'.'.join(path)} is not a list of numbers") from error
    if tuple(array.shape) != shape or not torch.isfinite(array).all():
        raise Malformed(f"{'.'.join(path)} is not {shape} numbers")
    return array
