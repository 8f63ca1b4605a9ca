"""Clips: the value, what a file claims to hold, and how one is read and written.

Whatever comes in is checked, decoded once and turned into upright 8-bit RGB at a constant rate; see `read`.
"""

from fourreal.clip.decode import MOST_COUNTED, beginning, read
from fourreal.clip.encode import write, write_pictures
from fourreal.clip.probe import ClipInfo, content_hash, probe
from fourreal.clip.value import Clip, sample_indices

__all__ = [
    "MOST_COUNTED",
    "Clip",
    "ClipInfo",
    "beginning",
    "content_hash",
    "probe",
    "read",
    "sample_indices",
    "write",
    "write_pictures",
]
