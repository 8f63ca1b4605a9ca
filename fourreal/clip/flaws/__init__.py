"""What of a video is not scene: bars, overlays, fades, cuts, repeated and interlaced frames; found, and put right."""

from fourreal.clip.flaws.clean import INTERLACED, Cleaned, Finding, cleaned, refuse_cuts, without_lone_overlay
from fourreal.clip.flaws.picture import picture

__all__ = ["INTERLACED", "Cleaned", "Finding", "cleaned", "picture", "refuse_cuts", "without_lone_overlay"]
