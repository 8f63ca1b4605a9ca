"""Every number a run depends on, as frozen dataclasses; the presets are values of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipLimits:
    """What is accepted as a video."""

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 4096 * 2304  # a frame
    max_total_pixels: int = 300 * 1920 * 1080  # of all frames as they are kept in memory: 1.9 GB
    max_seconds: float = 120.0
    max_frames: int = 300


@dataclass(frozen=True)
class SfmSettings:
    """Structure from motion; figures measured on generated freeze-time videos."""

    max_width: int = 512
    peak_threshold: float = 0.002
    overlap: int = 10
    timeout_seconds: float = 240.0
    focal_range: tuple[float, float] = (0.5, 2.5)  # in image widths
