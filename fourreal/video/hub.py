"""Weights from the Hugging Face hub: to the local copy, going on where an earlier download stopped.

A folder $FOURREAL_MODELS/NAME with a model's weights goes before the hub's: for machines without a network.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Protocol

from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken, Event, Progress
from fourreal.video.registry import GB, Entry
from fourreal.video.weights import INDEX, check_folder, components

PROVIDED = "FOURREAL_MODELS"
OTHER_WAY = f"or download it elsewhere and give its folder ({PROVIDED} names the one that holds it)"


def provided(name: str) -> Path | None:
    """The folder that somebody put there for the model of this name, if any."""
    folder = Path(os.environ.get(PROVIDED, "")) / name
    return folder.absolute() if os.environ.get(PROVIDED) and folder.is_dir() else None


def at_hand(entry: Entry) -> Path | None:
    """The folder that somebody put there for a model, or that comes along with this program, if any."""
    return provided(entry.name) or entry.shipped


def local_copy(entry: Entry) -> Path | None:
    """The folder that somebody provided, or of an earlier download, whole or not; None without one. Asks nobody."""
    if (folder := at_hand(entry)) is not None:
        return folder
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(entry.repository, INDEX, revision=entry.revision)
    return Path(cached).parent if isinstance(cached, str) else None


def on_disk(entry: Entry) -> bool:
    """Whether the weights are there and whole. Asks nobody."""
    folder = local_copy(entry)
    try:
        return folder is not None and bool(check_folder(folder, {}))
    except UserError:
        return False


def fetch(entry: Entry, progress: Progress, cancel: CancelToken) -> Path:
    """The folder of the model's weights, downloaded as far as they are missing.

    Only what the pipeline's index names is taken, and no pickles. Raises UserError with what to do where it cannot be
    had, and Cancelled.
    """
    if (folder := at_hand(entry)) is not None:
        check_folder(folder, {})
        return folder
    if (folder := local_copy(entry)) is not None and on_disk(entry):
        return folder
    from huggingface_hub import constants, hf_hub_download, snapshot_download

    _check_disk(entry, Path(constants.HF_HUB_CACHE))
    progress(
        Event(
            "download",
            message=f"Downloading {entry.title} ({entry.repository}, {entry.revision}; about "
            f"{entry.download_gb:.0f} GB; licence {entry.licence}).",
        )
    )
    try:
        index = hf_hub_download(entry.repository, INDEX, revision=entry.revision)
        wanted = [INDEX] + [f"{name}/{kind}" for name in components(Path(index).parent) for kind in _KINDS]
        cancel.check()
        fetched = snapshot_download(
            entry.repository, revision=entry.revision, allow_patterns=wanted, tqdm_class=_reporter(progress, cancel)
        )
    except (UserError, Cancelled):
        raise
    except Exception as error:
        raise explained(entry, error) from error
    cancel.check()
    return Path(fetched)


_KINDS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


class Downloaded(Protocol):
    """What is fetched from the hub: a model's entry, or a judge's offer."""

    @property
    def title(self) -> str: ...

    @property
    def repository(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def page(self) -> str: ...


def explained(entry: Downloaded, error: Exception) -> Exception:
    """A UserError in place of what the network, the hub or the disk raises; anything else as it is."""
    import httpx
    from huggingface_hub import errors

    where, gate = f"{entry.title} ({entry.repository})", f"{entry.page} in a browser"
    if isinstance(error, errors.GatedRepoError):
        return UserError(
            f"{where} is given out only after its licence is accepted. Sign in at {gate}, accept it, then run "
            f"`hf auth login` or set HF_TOKEN; {OTHER_WAY}."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UserError(f"{where} has no revision {entry.revision!r} (any more). Look at {gate}, {OTHER_WAY}.")
    if isinstance(error, errors.RepositoryNotFoundError | errors.RemoteEntryNotFoundError | errors.DisabledRepoError):
        return UserError(f"{where} is not on the hub (any more). See {gate}, {OTHER_WAY}.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"The disk was full before all of {where} was there. Free some space; the download goes on from there."
        )
    if isinstance(error, PermissionError):
        return UserError(f"{where} could not be stored: {error}. Set HF_HOME to a folder that you may write to.")
    offline = (
        errors.OfflineModeIsEnabled,
        errors.LocalEntryNotFoundError,
        errors.HfHubHTTPError,
        httpx.TransportError,
        ConnectionError,
        TimeoutError,
    )
    if isinstance(error, offline):
        return UserError(
            f"{where} is not on this machine, and the hub could not be reached. Check the "
            f"network and try again, as a download goes on where it stopped; {OTHER_WAY}."
        )
    return error


def _check_disk(entry: Entry, cache: Path) -> None:
    """Refuse before hours of downloading for nothing. Of a download that was begun nobody knows what is left of it."""
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    begun = local_copy(entry) is not None
    if not begun and free < entry.download_gb * GB:
        raise UserError(
            f"{entry.title} takes about {entry.download_gb:.0f} GB, but only {free / GB:.1f} GB are free for {cache}. "
            f"Free some space, or set HF_HOME to a folder on a larger disk; {OTHER_WAY}."
        )


def _reporter(progress: Progress, cancel: CancelToken):
    """A tqdm that prints nothing: it reports bytes and files to `progress`, and stops the download where asked to."""
    from tqdm.auto import tqdm

    most = [0]  # two bars count the bytes, those that came and those that were written; whichever is ahead is told

    class Reporter(tqdm):
        def __init__(self, *args, **kwargs):
            kwargs.pop("name", None)
            super().__init__(*args, **(kwargs | {"disable": False, "file": _Nowhere()}))

        def update(self, n=1):
            cancel.check()
            out = super().update(n)
            if self.total and getattr(self, "unit", "") == "B" and self.n > most[0]:
                most[0] = int(self.n)
                progress(Event("download", most[0], max(int(self.total), most[0])))
            return out

    return Reporter


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass
