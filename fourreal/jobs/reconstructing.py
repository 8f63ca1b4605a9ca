"""What a run of kind "reconstruct" does: the two videos into a scene."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fourreal.description import Options
from fourreal.errors import Cancelled, Unusable, UserError
from fourreal.jobs.desk import Desk
from fourreal.jobs.files import bytes_of, put
from fourreal.jobs.live import Live, add_ground_truth, final_files
from fourreal.jobs.run_files import REFUSAL, Refusal, refusal_content, stored_takes, take_file
from fourreal.jobs.values import MEETING
from fourreal.progress import CancelToken
from fourreal.settings import Preset
from fourreal.video.one_model import OneModel
from fourreal.whole import json_of

POLL_SECONDS = 0.25


class Reconstructing:
    """row: the run's, from the store. desk: what else the store has to say. presets: what the names in the options
    stand for. models: not needed here, as a critic's would take the memory that the fit needs.

    Raises UserError where it was asked for with options that are no more.
    """

    def __init__(
        self, folder: Path, row: Mapping[str, Any], desk: Desk, presets: Mapping[str, Preset], models: OneModel
    ) -> None:
        self.folder, self.row, self.desk, self.presets = folder, row, desk, presets
        self.options, outdated = Options.stored(json.loads(row["options"]))
        if outdated:
            raise UserError(outdated)

    def do(self, live: Live, cancel: CancelToken) -> None:
        """Raises UserError and Cancelled; what was reached is gone on from the next time."""
        from fourreal import pipeline
        from fourreal.pipeline.takes import Further
        from fourreal.video.score import Role

        options, inputs = self.options, self.folder / "inputs"
        (self.folder / REFUSAL).unlink(missing_ok=True)
        further = tuple(
            Further(cast(Role, take.role), take_file(inputs, number), take.at, take.label)
            for number, take in enumerate(stored_takes(inputs))
        )
        cameras = inputs / "cameras.json"
        request = pipeline.Request(
            reference=inputs / "reference.mp4",
            freeze=inputs / "freeze.mp4",
            out=self.folder,
            cameras=cameras if options.use_cameras and cameras.exists() else None,
            meeting=self._meeting(),
            further=further,
            **options.as_dict() | {"preset": None if options.preset is None else self.presets[options.preset]},
        )
        try:
            self.scene = pipeline.reconstruct(request, live, cancel)
        except Unusable as error:
            path, first, last = error.cut or (Path(), 0, 0)
            put(self.folder / REFUSAL, refusal_content(Refusal(path.stem.removeprefix("take-"), first, last)))
            raise
        final_files(self.folder, self.scene, self.desk.name(), live)

    def _meeting(self) -> tuple[int, int] | None:
        """Where the checks saw the two videos meet; None has the run look itself."""
        meeting = json_of(self.folder / "inputs" / MEETING)
        return meeting and tuple(meeting)

    def cost(self) -> dict[str, Any]:
        """What it took, for later estimates. Parts taken over from another run count as if done here."""
        manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        distilled, settings = manifest["distillation"], manifest["settings"]["distillation"]
        pace = distilled["seconds"] / distilled["steps"] if distilled and distilled["steps"] else None
        return {
            **self.options.deciding("cost"),
            "preset": manifest["preset"],
            "device": manifest["device"],
            "critic": self.options.critic if distilled else None,  # where it could not be had, it cost nothing
            "distillation_steps": settings["canonical_steps"] + settings["motion_steps"] if distilled else 0,
            "distillation_pace": pace,
            "imagine": self.options.imagine if distilled else 0,
            "further": len(manifest.get("takes", ())),
            "cameras_given": manifest["cameras"]["freeze"]["origin"]["method"] == "given",
            "seconds": manifest["seconds"]["total"],
            "memory_mb": manifest["peak_memory_mb"],
            "disk_mb": bytes_of(self.folder) / 2**20,
        }

    def afterwards(self) -> None:
        """Score a shipped example against what is known of it. The person has the scene already, so others go first."""
        if self.row["example"] is None:
            return
        cancel = CancelToken()
        threading.Thread(target=self._make_room, args=(cancel,), daemon=True, name="others").start()
        try:
            add_ground_truth(self.folder, self.scene, self.row["example"], cancel)
        except (UserError, OSError, Cancelled) as error:
            print(f"No score against the true views. {error}", file=sys.stderr)

    def _make_room(self, cancel: CancelToken) -> None:
        """End the scoring as soon as somebody waits for the device."""
        while not self.desk.anyone_waits():
            time.sleep(POLL_SECONDS)
        cancel.cancel()
