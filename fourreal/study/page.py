"""The page that raters see, as one text: served by the web page, or opened from the disk beside its films."""

import json
from pathlib import Path

from fourreal.study.values import Study

HERE = Path(__file__).parent


def rater_page(study: Study, server: bool = False) -> str:
    """The page of a study. server: answers are sent to where the page came from, else kept to be saved as a file."""
    manifest = json.dumps(study.for_raters() | {"server": server}).replace("<", "\\u003c")  # nothing ends the script
    parts = {name: (HERE / f"raters.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    page = (HERE / "raters.html").read_text(encoding="utf-8")
    for mark, content in (("/* css */", parts["css"]), ("/* js */", parts["js"]), ("/* study */", manifest)):
        page = page.replace(mark, content, 1)
    return page
