"""Files that are dropped on the page: where, and what is done with them once they have come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from fourreal.errors import UserError
from fourreal.jobs.values import Video
from fourreal.web.parts import Page, event
from fourreal.web.session import Visitor


def drop(id: str, label: str | None = None, *, several: bool = False, labelled: bool = False, **more: Any) -> gr.File:
    """Where files are dropped. labelled: whether the label is seen. more: further arguments of the component."""
    look: dict[str, Any] = {"file_count": "multiple" if several else "single", "type": "filepath"}
    look |= {"elem_id": id, "elem_classes": "drop", "height": 122, "show_label": None if labelled else False}
    return gr.File(label=label, **(look | more))


def uploaded(page: Page, path: str | None) -> Path:
    """A file that came in by the page. Raises UserError where it is not there."""
    if not path or not page.uploads.holds(path):
        raise UserError("The file did not arrive. Try again.")
    return Path(path)


@contextmanager
def using(page: Page, path: str | None) -> Iterator[Path]:
    """An uploaded file, which is gone afterwards. Raises UserError where it is not there."""
    file = uploaded(page, path)
    try:
        yield file
    finally:
        page.uploads.forget(file)


def add_uploaded(page: Page, me: Visitor, path: str | None) -> Video:
    """An uploaded file taken in as a video of the visitor's."""
    with using(page, path) as file:
        return page.service.library.add_video(page.owner(me), file, file.name)


def emptied(taken: Dependency, field: gr.File) -> None:
    """Once its file was taken, or refused, the field is for the next one."""
    taken.then(**event(lambda: None, None, field))
