"""An open implementation of 4Real (Yu et al., NeurIPS 2024): two videos in, a dynamic 3D scene out.

scene = fourreal.reconstruct("reference.mp4", "freeze.mp4", "runs/mine"); docs/python.md has more.
"""

import importlib
import os
from typing import Any

__version__ = "0.1.0"

# What fourreal.api has. It is loaded with the first of them, as the command line and the page import this, too, and
# most of what they do needs no torch.
__all__ = ["Cameras", "CancelToken", "Cancelled", "Event", "Scene4D", "UserError", "load", "reconstruct"]

# The threads under torch's operations poll for each other. Beside another busy program, such as a browser that shows
# the page, that made operations take nine times as long; asleep they cost 0.03 ms each. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("fourreal.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
