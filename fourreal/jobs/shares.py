"""Links to scenes that their owners share: a token for each, which its owner can take back."""

import contextlib
import re
from pathlib import Path

from fourreal.errors import UserError
from fourreal.jobs.files import put, storing
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.places import absent, file_within
from fourreal.jobs.store import new_id
from fourreal.jobs.workspace import Workspace

TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
# What whoever has the link may have of a run. Neither its id, nor its videos, nor what else its owner has.
SHARED = re.compile(r"scene\.r4d|thumbnail\.jpg", re.ASCII)


class Shares:
    """See the module. `shares/<token>` holds the run's id, the run's `share` the token."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._places, self._store, self._jobs = workspace.places, workspace.store, jobs

    def share(self, owner: str, id: str) -> str:
        """The token of a run's link, made if there is none. Only its owner can; until `unshare` it stays the same."""
        self._jobs.row(owner, id)
        folder = self._places.run(id)
        if not (folder / "scene.r4d").is_file():
            raise UserError("There is nothing to share yet. Wait for the scene.")
        token = self.token(owner, id) or new_id()
        with storing("The link"):
            self._places.shares.mkdir(exist_ok=True)
            put(self._places.shares / token, id.encode())
            put(folder / "share", token.encode())
        return token

    def unshare(self, owner: str, id: str) -> None:
        """The link leads nowhere any more; a later one is another."""
        token = self.token(owner, id)
        (self._places.run(id) / "share").unlink(missing_ok=True)
        if token:
            (self._places.shares / token).unlink(missing_ok=True)

    def token(self, owner: str, id: str) -> str | None:
        """The token of a run that is shared, None of one that is not."""
        self._jobs.row(owner, id)
        with contextlib.suppress(FileNotFoundError):
            token = (self._places.run(id) / "share").read_text(encoding="ascii")
            return token if TOKEN.fullmatch(token) else None
        return None

    def name(self, token: str) -> str:
        """The name of a shared scene. Raises UserError where nothing is shared under this token."""
        return self._jobs.public_name(self._shared(token))

    def file(self, token: str, name: str) -> Path:
        """A file of a shared scene: what the viewer plays, or its picture. Raises UserError likewise."""
        return file_within(self._places.run(self._shared(token)), name, SHARED)

    def _shared(self, token: str) -> str:
        """The id of a shared run."""
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise absent("scene")
        link = self._places.shares / token
        try:
            id = link.read_text(encoding="ascii")
        except FileNotFoundError:
            raise absent("scene") from None
        if self._store.run(id) is None:  # deleted since
            link.unlink(missing_ok=True)
            raise absent("scene")
        if not (self._places.run(id) / "share").is_file():  # taken back
            raise absent("scene")
        return id
