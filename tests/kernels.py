"""Compiles every kernel once before tests run side by side: each process would do it for itself otherwise."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def compile_kernels() -> None:
    """Fill numba's cache, in a process of its own, unless that was done for these sources already."""
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(sys.version.encode())
    for source in [*sorted((ROOT / "fourreal").rglob("*.py")), ROOT / "requirements.txt", Path(__file__)]:
        text = source.read_bytes()
        if b"numba" in text:
            digest.update(text)
    done = cache / f"compiled-{digest.hexdigest()[:16]}"
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            print("Compiling the kernels, half a minute the first time ...", flush=True)
            halves = [subprocess.Popen([sys.executable, __file__, half], cwd=ROOT) for half in HALVES]
            if not any([half.wait() for half in halves]):
                done.touch()


def _fit() -> None:
    from fourreal.pipeline.machine import prepare_kernels
    from fourreal.progress import ignore

    prepare_kernels(ignore)


def _world() -> None:
    from research.mini.data import drawn

    drawn([0], seed=0)


HALVES = {"fit": _fit, "world": _world}

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for task in [HALVES[half] for half in sys.argv[1:]] or [compile_kernels]:
        task()
