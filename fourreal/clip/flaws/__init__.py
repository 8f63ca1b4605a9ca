"""What of a video is not scene: bars, overlays, fades, cuts, repeated and interlaced frames; found, and put right."""

from fourreal.clip.flaws.clean import Cleaned, Finding, cleaned, refuse_cuts

__all__ = ["Cleaned", "Finding", "cleaned", "refuse_cuts"]
