"""The judges there are. A name leads to its module, which is loaded when somebody asks for it."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from fourreal.errors import UserError

if TYPE_CHECKING:
    from fourreal.judge.values import Judge


@dataclass(frozen=True)
class Score:
    """One figure of a judge. title, unit: for people. more: whether more of it is better, None where neither is."""

    title: str
    unit: str = ""
    more: bool | None = True


@dataclass(frozen=True)
class Offer:
    """A judge as it is offered.

    scores: its figures by name. module, judge: where the class is. repository: on the Hugging Face hub, "" for one that
    needs no weights; revision, licence, download_gb: of that. folder: what it is called in $FOURREAL_MODELS.
    """

    name: str
    title: str
    summary: str
    scores: Mapping[str, Score]
    module: str
    judge: str
    repository: str = ""
    revision: str = "main"
    licence: str = ""
    download_gb: float = 0.0
    folder: str = ""

    @property
    def page(self) -> str:
        """Where its weights and their licence are to be read."""
        return f"https://huggingface.co/{self.repository}"


VIDEOSCORE = {
    "visual_quality": Score("Visual quality"),
    "temporal_consistency": Score("Temporal consistency"),
    "dynamic_degree": Score("Dynamic degree"),
    "text_alignment": Score("Text-to-video alignment"),
    "factual_consistency": Score("Factual consistency"),
}

OFFERS: Mapping[str, Offer] = MappingProxyType(
    {
        offer.name: offer
        for offer in (
            Offer(
                name="xclip",
                title="X-CLIP",
                summary="How well a video fits its text: hundred times the cosine, as in the paper's Table 1.",
                scores={"xclip": Score("X-CLIP")},
                module="fourreal.judge.xclip",
                judge="XClip",
                repository="microsoft/xclip-base-patch32",
                licence="MIT",
                download_gb=0.8,
                folder="x-clip",
            ),
            Offer(
                name="videoscore",
                title="VideoScore",
                summary="Five aspects from 1 to 4, as people would give them, of the paper's Table 1.",
                scores=VIDEOSCORE,
                module="fourreal.judge.videoscore",
                judge="VideoScore",
                repository="TIGER-Lab/VideoScore",
                licence="Apache-2.0",
                download_gb=17.0,
                folder="videoscore",
            ),
            Offer(
                name="truth",
                title="Truth",
                summary="PSNR and SSIM against a video of what it should show (--truth).",
                scores={"psnr": Score("PSNR", "dB"), "ssim": Score("SSIM")},
                module="fourreal.judge.measured",
                judge="Truth",
            ),
            Offer(
                name="still",
                title="Stillness",
                summary="Of a freeze-time video: how much of its subject stands still, how smoothly the "
                "camera goes, how even the light is.",
                scores={
                    "still": Score("Stands still", "%"),
                    "jerk": Score("Jerk", "px of 320", False),
                    "flicker": Score("Flicker", "grey levels", False),
                },
                module="fourreal.judge.measured",
                judge="Stillness",
            ),
            Offer(
                name="views",
                title="Views",
                summary="Of a freeze-time video: how many frames find their place, how far around they go, and "
                "how many pixels have a depth that other views confirm. A minute each.",
                scores={
                    "placed": Score("Frames placed", "%"),
                    "degrees": Score("Arc", "degrees", None),
                    "agreement": Score("Views agree", "% of pixels"),
                },
                module="fourreal.judge.views",
                judge="Views",
            ),
        )
    }
)


def offer(name: str) -> Offer:
    """Raises UserError where there is none of that name."""
    if name not in OFFERS:
        raise UserError(f"There is no judge {name!r}: choose from {', '.join(OFFERS)}.")
    return OFFERS[name]


def titles() -> dict[str, Score]:
    """All figures of all judges, by name."""
    return {name: score for one in OFFERS.values() for name, score in one.scores.items()}


def loaded(one: Offer, folder: Path | None, device: str) -> "Judge":
    """The judge itself. folder: of its weights, None for one without. Raises UserError where they are not whole."""
    kind = getattr(importlib.import_module(one.module), one.judge)
    return kind(folder, device) if one.repository else kind()


def table() -> list[Sequence[str]]:
    """What there is, for people: a row each."""
    rows: list[Sequence[str]] = [("NAME", "SCORES", "WEIGHTS", "LICENCE", "DOWNLOAD")]
    for one in OFFERS.values():
        size = f"{one.download_gb:g} GB" if one.repository else "none"
        rows.append((one.name, ", ".join(one.scores), one.repository or "none", one.licence or "-", size))
    return rows
