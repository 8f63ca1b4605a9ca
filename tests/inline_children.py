"""What children are asked, answered in this process: starting one takes seconds, its answer takes a few hundredths."""

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from fourreal.errors import UserError, out_of_space
from fourreal.jobs import asking
from fourreal.jobs.database import disk_full


@contextmanager
def inline_children() -> Iterator[None]:
    """Videos and cameras are taken in and looked at by this process. Limits of time and memory are not kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "ask", ask)
        yield


def ask(module: str, question: Mapping[str, Any], seconds: float | int, memory: int) -> dict[str, Any]:
    """As `children.ask`, with the JSON that would be sent; but what would have ended the child is raised."""
    work = importlib.import_module(module).work
    try:
        return json.loads(json.dumps(work(json.loads(json.dumps(dict(question))))))
    except UserError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        if not out_of_space(error):
            raise
        raise UserError(str(disk_full())) from None
