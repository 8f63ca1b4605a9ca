"""The page that raters see, as one text: served by the web page, or opened from the disk beside its films."""

import json
from pathlib import Path

from fourreal.study.values import Study

HERE = Path(__file__).parent


def rater_page(study: Study, server: bool = False) -> str:
    """The page of a study. server: answers are sent to where the page came from, else kept to be saved as a file."""
    manifest = json.dumps(study.for_raters() | {"server": server}).replace("<", "\\u003c")  # nothing ends the script
    css, js = colours() + read_part("raters.css"), read_part("raters.js")
    page = read_part("raters.html")
    for mark, content in (("/* css */", css), ("/* js */", js), ("/* study */", manifest)):
        page = page.replace(mark, content, 1)
    return page


def colours() -> str:
    """Style of all pages of a study: their colours, by light and in the dark."""
    return read_part("colours.css")


def read_part(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
