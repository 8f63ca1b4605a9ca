"""What every test file shares: shape and type checks switched on, and a few small inputs."""

import os
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
import shared
from jaxtyping import install_import_hook
from kernels import compile_kernels

ROOT = Path(__file__).parents[1]

# Compiled kernels outlive a run, and stay out of the package's folders; set before numba is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))
# As the package says it; here torch may be imported before it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


class CheckWhereShapesLive(MetaPathFinder):
    """Sees to it that shapes and types are checked at each call, in modules that name shapes.

    The hook of jaxtyping decorates functions. In modules without shapes that costs time and finds little, and numba
    cannot compile what it decorates: both kinds are imported as they are.
    """

    def find_spec(self, fullname, path=None, target=None):
        spec = PathFinder.find_spec(fullname, path) if fullname.startswith("fourreal.") else None
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        plain = NUMBA.search(source) or "jaxtyping" not in source
        return spec if plain else None


NUMBA = re.compile(r"^\s*(import|from) numba\b", re.MULTILINE)

# Installed once and never removed: modules are imported lazily, in whatever test comes first.
install_import_hook("fourreal", "beartype.beartype")
sys.meta_path.insert(0, CheckWhereShapesLive())


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the one process that starts the others, if there are others
        compile_kernels()
        config.add_cleanup(shared.keep())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what is marked `cuda` where there is no such device; torch is asked when a test is due, not before."""
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


# Of a module's scope, so that what a module makes once for its tests can be on the device: it is made once for each.
@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request) -> str:
    """Where a test puts its tensors: it runs on the CPU, and marked `cuda` on a GPU."""
    return request.param


# Begun first, so that no long one is left for the end, when there is nothing else for the other processes to do.
LONGEST = (
    "test_page",
    "test_page_flow",
    "test_page_create",
    "test_mini_chain",
    "test_web",
    "test_web_api",
    "test_jobs_runner",
    "test_jobs_create",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of what ships with the product."""
    return ROOT / "assets"


@pytest.fixture(scope="session")
def fox_yard(assets) -> Path:
    """A ready example: reference.mp4, freeze.mp4, freeze_noisy.mp4, cameras.json, heldout/."""
    return assets / "examples" / "fox_yard"


@pytest.fixture
def tiny_clip():
    """A `Clip` of 8 frames, 64x48 at 12 fps: a gradient, and a grey half whose level tells the frame's number."""
    from videos import numbered

    from fourreal.clip import Clip

    return Clip(numbered(), 12.0)


@pytest.fixture
def fourreal(capsys):
    """The command line, run in this process: `fourreal(*arguments)` is its (exit code, stdout, stderr)."""
    from fourreal.cli import main

    def call(*arguments) -> tuple[int, str, str]:
        try:
            code = main([*map(str, arguments)])
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture(autouse=True, scope="module")
def ordinary_priority():
    """No test leaves the process with another scheduling than it had: all that is started later would inherit it."""
    policy = getattr(os, "sched_getscheduler", lambda process: 0)
    before = policy(0)
    yield
    assert policy(0) == before
