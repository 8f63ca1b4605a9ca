"""What all kernels share: compiler options, the thresholds of blending, and where compiled code is kept."""

import hashlib
import os
import tempfile
from pathlib import Path

import numba
import numpy as np


def _keep_compiled_code() -> None:
    """Point numba's cache at a folder per user and per version of these sources.

    numba compares only the file a kernel stands in, so a change in `simd.py` would leave stale kernels of `blend.py`;
    and it would write beside the sources, which an installed package may forbid. NUMBA_CACHE_DIR, where set, is where
    the folder is made.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fourreal"
    bases = [user_cache / "numba", Path(tempfile.gettempdir()) / f"fourreal-numba-{os.getuid()}"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        bases.insert(0, Path(os.environ["NUMBA_CACHE_DIR"]))
    for base in bases:
        folder = base / f"rasterize-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            numba.config.CACHE_DIR = str(folder)
            return


_keep_compiled_code()

f32 = np.float32

# Not "nnan" and "ninf": comparisons with NaN must stay what they are, they cull broken Gaussians.
# Not "reassoc": `simd.exp2` rounds by adding and subtracting the same number.
# No wrapper for callers in C, of which there are none: a fifteenth less to compile.
KERNEL = {
    "cache": True,
    "nogil": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp", "afn"},
}

ALPHA_MIN = f32(1 / 255)
ALPHA_MAX = f32(0.999)
TRANSMITTANCE_MIN = f32(1e-4)
