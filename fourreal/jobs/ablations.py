"""Ablation studies that somebody with access to this machine put into the data folder, for everyone to see."""

from pathlib import Path

from fourreal.jobs.places import STUDY, absent
from fourreal.jobs.workspace import Workspace


class Ablations:
    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.places.ablations

    def names(self) -> list[str]:
        return sorted(page.parent.name for page in self._folder.glob("*/page.html") if _plain(page))

    def page(self, name: str) -> Path:
        """The page of one, which needs no other file. Raises UserError where there is none of that name."""
        page = self._folder / name / "page.html"
        if not STUDY.fullmatch(name) or not _plain(page):
            raise absent("study")
        return page


def _plain(page: Path) -> bool:
    linked = any(part.is_symlink() for part in (page.parent, page))
    return bool(STUDY.fullmatch(page.parent.name)) and not linked and page.is_file()
