"""A folder of tiny video models and a service for which nobody works: fixtures, loaded by `pytest_plugins`."""

import pytest
import tiny_models
from creation_samples import LIMITS, SANA, VACE

from fourreal.jobs.service import Service


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models, as an administrator would provide it."""
    folder = tmp_path_factory.mktemp("models")
    for name in (VACE, SANA):
        tiny_models.save(name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOURREAL_MODELS", str(folder))
        yield folder


@pytest.fixture
def idle(models, tmp_path):
    """A service for which nobody works."""
    service = Service(tmp_path / "idle", LIMITS)
    service.workspace.store.remember("devices", [{"kind": "cpu", "name": "cpu", "memory_mb": None}])
    yield service
    service.close()
