"""The chain from what a person hands in to a scene."""

from fourreal.pipeline.reconstruct import reconstruct
from fourreal.pipeline.request import Request

__all__ = ["Request", "reconstruct"]
