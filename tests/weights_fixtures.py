"""Tiny weights of a real model on the disk: fixtures, loaded by `pytest_plugins`."""

from pathlib import Path

import pytest
import tiny_models

NAME = "wan-vace-1.3b"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return tiny_models.save(NAME, tmp_path_factory.mktemp("saved") / "model")
