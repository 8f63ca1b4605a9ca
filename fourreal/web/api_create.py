"""The endpoints from a prompt to the two videos; see `api`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs.create_values import Creation
from fourreal.jobs.service import Service
from fourreal.web.routes import clip_urls, file_urls
from fourreal.web.uploads import Uploads


class CreateCalls:
    """What `api.Calls` has of them, and what both need."""

    def __init__(self, service: Service, uploads: Uploads) -> None:
        self._service, self._uploads = service, uploads

    def models(self, owner: str) -> list:
        """The video models, with sizes, licence, what they are for and whether they run here."""
        return [asdict(offer) for offer in self._service.creations.models()]

    def estimate_creation(self, owner: str, wishes: dict, count: int = 4) -> dict:
        """What candidates would take: {seconds, memory_mb, disk_mb, device, fits, reason, place}."""
        return asdict(self._service.creations.estimate(owner, Wishes.from_dict(wishes), count))

    def create(
        self, owner: str, wishes: dict, count: int = 4, seed: int = 0, reference: str = "", picture: dict | None = None
    ) -> dict:
        """Ask for candidates; answers at once with the creation. reference: the video of which a frame is frozen.
        picture: an uploaded file (`gradio_client.handle_file`) that reference videos begin with."""
        with nullcontext() if picture is None else self._uploaded(picture) as path:
            made = self._service.creations.create(owner, Wishes.from_dict(wishes), count, seed, reference, path)
        return _creation(made)

    def creation(self, owner: str, creation: str) -> dict:
        """A creation as it is now, its finished candidates best first."""
        return _creation(self._service.creations.get(owner, creation))

    def creations(self, owner: str) -> list:
        """All creations of this token, newest first."""
        return [_creation(one) for one in self._service.creations.all(owner)]

    def stop_creation(self, owner: str, creation: str) -> dict:
        """Stop making candidates; what is finished stays."""
        return self._after(owner, creation, self._service.jobs.cancel)

    def resume_creation(self, owner: str, creation: str) -> dict:
        """Go on with what was stopped or failed."""
        return self._after(owner, creation, self._service.creations.resume)

    def delete_creation(self, owner: str, creation: str) -> bool:
        """Delete a creation with all its candidates. Videos that were taken from it stay."""
        self._service.jobs.delete(owner, creation)
        return True

    def more(self, owner: str, creation: str, count: int = 1) -> dict:
        """Ask for more candidates of the same wishes."""
        return self._after(owner, creation, self._service.candidates.more, count)

    def retry(self, owner: str, creation: str, number: int) -> dict:
        """Try to make a candidate that could not be made once more."""
        return self._after(owner, creation, self._service.candidates.retry, number)

    def regenerate(self, owner: str, creation: str, number: int) -> dict:
        """Another candidate in place of one, with a new seed."""
        return self._after(owner, creation, self._service.candidates.regenerate, number)

    def renew(self, owner: str, creation: str) -> dict:
        """Make all candidates anew that are not kept."""
        return self._after(owner, creation, self._service.candidates.renew)

    def keep(self, owner: str, creation: str, number: int, kept: bool = True) -> dict:
        """Mark a candidate to be kept, or no longer."""
        return self._after(owner, creation, self._service.candidates.keep, number, kept)

    def discard(self, owner: str, creation: str, number: int) -> dict:
        """Remove a candidate, also while it is being made."""
        return self._after(owner, creation, self._service.candidates.discard, number)

    def restore(self, owner: str, creation: str) -> dict:
        """Bring the candidate back that was discarded last; called again, the one before it."""
        return self._after(owner, creation, self._service.candidates.restore)

    def add_candidate(self, owner: str, creation: str, file: dict) -> dict:
        """Take an uploaded file (`gradio_client.handle_file`) in as one more candidate."""
        with self._uploaded(file) as path:
            return self._after(owner, creation, self._service.candidates.add_own, path, path.name)

    def cut(self, owner: str, creation: str, number: int, first: int, last: int, reverse: bool = False) -> dict:
        """Frames `first` to `last` of a candidate, backwards if asked, as one more candidate."""
        return self._after(owner, creation, self._service.candidates.change, number, first, last, reverse)

    def extend(self, owner: str, creation: str, number: int, side: str) -> dict:
        """A freeze-time candidate with frames added at its "left" or "right", as one more candidate."""
        return self._after(owner, creation, self._service.candidates.longer, number, side)

    def take(self, owner: str, creation: str, number: int) -> dict:
        """A finished candidate as a video, to freeze a frame of or to reconstruct from."""
        return self._video(owner, self._service.candidates.take(owner, creation, number))

    # --- Shared -------------------------------------------------------------------------------------------------------

    def _after(self, owner: str, creation: str, change: Callable[..., Any], *given) -> dict:
        """The creation after something was done to it."""
        change(owner, creation, *given)
        return _creation(self._service.creations.get(owner, creation))

    @contextmanager
    def _uploaded(self, file: dict) -> Iterator[Path]:
        """An uploaded file, which is gone afterwards."""
        path = Path(str(file.get("path", "")))
        if not self._uploads.holds(str(path)):
            raise UserError("Upload the file first: pass gradio_client.handle_file(path).")
        try:
            yield path
        finally:
            self._uploads.forget(path)

    def _video(self, owner: str, video) -> dict:
        return asdict(video) | {"url": clip_urls(owner, video.id) + "clip.mp4"}


def _creation(creation: Creation) -> dict:
    """A creation as JSON, with the addresses of its candidates."""
    value = asdict(creation) | {"wishes": creation.wishes.as_dict()}
    value["picture"] = file_urls(creation.id) + creation.picture if creation.picture else None
    for one in value["candidates"]:
        one["kept"] = one.pop("marked")
        one["url"] = file_urls(creation.id) + one.pop("file") if one["made"] else None
    return value
