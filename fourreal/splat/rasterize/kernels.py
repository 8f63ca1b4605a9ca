"""What all kernels share: compiler options, the thresholds of blending, and where compiled code is kept."""

import os
import tempfile
from pathlib import Path

import numpy as np


def _cache_directory() -> None:
    """Let numba keep compiled kernels beside the source, or per user where the package may not be written."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "fourreal" / "numba"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        directory = Path(tempfile.gettempdir()) / f"fourreal-numba-{os.getuid()}"
    os.environ["NUMBA_CACHE_DIR"] = str(directory)
    import numba

    numba.config.reload_config()


_cache_directory()

f32 = np.float32

# Not "nnan" and "ninf": comparisons with NaN must stay what they are, they cull broken Gaussians.
KERNEL = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp", "afn"},
}

ALPHA_MIN = f32(1 / 255)
ALPHA_MAX = f32(0.999)
TRANSMITTANCE_MIN = f32(1e-4)
