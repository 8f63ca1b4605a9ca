"""`.r4d`, the viewer's file: a scene as quantised splats and what moves them, in one gzip member. See docs/r4d.md."""

from fourreal.scene.r4d.read import R4D, read_r4d
from fourreal.scene.r4d.write import export_r4d, r4d_bytes

__all__ = ["R4D", "export_r4d", "r4d_bytes", "read_r4d"]
