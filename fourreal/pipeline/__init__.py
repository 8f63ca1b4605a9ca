"""The chain from what a person hands in to a scene."""

from fourreal.pipeline.reconstruct import Request, reconstruct

__all__ = ["Request", "reconstruct"]
