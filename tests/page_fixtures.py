"""A server of pages and a browser: fixtures, loaded by `pytest_plugins`."""

import pytest
from browser import chromium
from web_samples import SharedPage


@pytest.fixture(scope="module")
def server():
    running = SharedPage()
    yield running
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened
