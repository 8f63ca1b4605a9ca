"""A service for which nobody works, and two videos of Anna's: fixtures, loaded by `pytest_plugins`."""

import shutil
import time

import pytest
from inline_children import inline_children
from job_samples import ANNA, service_in
from videos import encode, numbered

from fourreal.jobs import asking
from fourreal.jobs.store import new_id
from fourreal.settings import JobLimits


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("upload") / "upload.mp4", numbered())


@pytest.fixture
def service(tmp_path):
    with service_in(tmp_path / "data") as service:
        yield service


@pytest.fixture(scope="module")
def taken_in(upload, tmp_path_factory):
    """The folder of a video that was taken in once, and what is known of it."""
    folder = tmp_path_factory.mktemp("taken") / "in"
    with inline_children():
        return folder, asking.take_in(upload, folder, "one.mp4", JobLimits())


@pytest.fixture
def videos(service, taken_in) -> tuple[str, str]:
    folder, info = taken_in
    ids = new_id(), new_id()
    for id, name in zip(ids, ("one.mp4", "two.mp4"), strict=True):
        shutil.copytree(folder, service.workspace.places.video(id))
        service.workspace.store.add_video(id, ANNA, name, info, None, time.time())
    return ids
