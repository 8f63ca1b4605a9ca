"""What every test file shares: shape and type checks switched on, and a few small inputs."""

import os
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[1]

# Compiled kernels outlive a run, and stay out of the package's folders; set before numba is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))
# As the package says it; here torch may be imported before it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


class KernelsStayPlain(MetaPathFinder):
    """Imports files that use numba as they are: the hook below decorates functions, and numba cannot compile those."""

    def find_spec(self, fullname, path=None, target=None):
        spec = PathFinder.find_spec(fullname, path) if fullname.startswith("fourreal.") else None
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        return spec if re.search(r"^\s*(import|from) numba\b", source, re.MULTILINE) else None


# From here on every other annotated function of the package is checked at each call. Installed once and never
# removed: modules are imported lazily, in whatever test comes first.
install_import_hook("fourreal", "beartype.beartype")
sys.meta_path.insert(0, KernelsStayPlain())

# Begun first, so that no long one is left for the end, when there is nothing else for the other processor to do.
LONGEST = ("test_page_create", "test_from_prompt", "test_page", "test_jobs_create", "test_jobs_runner")


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


@pytest.fixture(autouse=True, scope="module")
def ordinary_priority():
    """No test leaves the process with another scheduling than it had: all that is started later would inherit it."""
    policy = getattr(os, "sched_getscheduler", lambda process: 0)
    before = policy(0)
    yield
    assert policy(0) == before
