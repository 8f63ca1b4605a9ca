"""What all kernels share: compiler options, the thresholds of blending, and where compiled code is kept."""

import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numba
import numpy as np

log = logging.getLogger(__name__)


def _keep_compiled_code() -> bool:
    """Point numba's cache at a folder per user and per version of these sources; False where there is none to be had.

    numba compares only the file a kernel stands in, so a change in `simd.py` would leave stale kernels of `blend.py`;
    and it would write beside the sources, which an installed package may forbid. NUMBA_CACHE_DIR, where set, is where
    the folder is made.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fourreal"
    bases = [user_cache.resolve() / "numba", Path(tempfile.gettempdir()).resolve() / f"fourreal-numba-{os.getuid()}"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        bases.insert(0, Path(os.environ["NUMBA_CACHE_DIR"]).resolve())
    folder = private_folder(bases, f"rasterize-{digest.hexdigest()[:16]}")
    if folder is None:
        log.warning("No folder of our own for compiled kernels: set NUMBA_CACHE_DIR to one, or each start compiles.")
        return False
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # numba sets its options by name
    return True


def private_folder(bases: Iterable[Path], name: str) -> Path | None:
    """The folder `name` in the first of `bases` where nobody else can put anything into it; it is made if missing.

    Who writes into numba's cache runs code in our processes. Names in /tmp can be guessed and taken before us.
    """
    for base in bases:
        folder = base / name
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _cannot_be_swapped(base.lstat()):
                continue
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            folder.chmod(0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


def _cannot_be_swapped(base: os.stat_result) -> bool:
    """Whether what we put into a folder stays what it is: the folder is ours or root's, and not open to everyone."""
    open_to_all = base.st_mode & stat.S_IWOTH and not base.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(base.st_mode) and base.st_uid in (0, os.getuid()) and not open_to_all


CACHED = _keep_compiled_code()

f32 = np.float32

# Not "nnan" and "ninf": comparisons with NaN must stay what they are, they cull broken Gaussians.
# Not "reassoc": `simd.exp2` rounds by adding and subtracting the same number.
# No wrapper for callers in C, of which there are none: a fifteenth less to compile.
KERNEL: dict[str, Any] = {
    "cache": CACHED,
    "nogil": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp", "afn"},
}

ALPHA_MIN = f32(1 / 255)
ALPHA_MAX = f32(0.999)
TRANSMITTANCE_MIN = f32(1e-4)
