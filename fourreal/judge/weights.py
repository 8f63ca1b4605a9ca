"""Weights of judges: from a folder that somebody provides, an earlier download, or the hub."""

from pathlib import Path
from typing import Any

from fourreal.errors import Cancelled, UserError
from fourreal.judge.offers import Offer
from fourreal.progress import CancelToken, Event, Progress
from fourreal.video.hub import PROVIDED, explained, provided

WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md")  # no pickles


def folder_of(offer: Offer, download: bool, progress: Progress, cancel: CancelToken) -> Path | None:
    """The folder of a judge's weights; None for one without.

    download: whether what is not here may be fetched; its licence is told first.
    Raises UserError with what to do where it cannot be had, and Cancelled.
    """
    if not offer.repository:
        return None
    if (folder := provided(offer.folder)) is not None:
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    query: dict[str, Any] = {"repo_id": offer.repository, "revision": offer.revision, "allow_patterns": list(WANTED)}
    try:
        return Path(snapshot_download(**query, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    if not download:
        raise UserError(
            f"{offer.title} has no weights on this machine ({offer.repository}, {offer.download_gb:g} GB, licence "
            f"{offer.licence}): add --download, or put them into ${PROVIDED}/{offer.folder}."
        )
    origin = f"{offer.repository}, about {offer.download_gb:g} GB; licence {offer.licence}, see {offer.page}"
    progress(Event("download", message=f"Downloading {offer.title} ({origin})."))
    cancel.check()
    try:
        return Path(snapshot_download(**query))
    except (UserError, Cancelled):
        raise
    except Exception as error:
        raise explained(offer, error) from error
