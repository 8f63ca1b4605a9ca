"""Clips of a report: written small, for any browser, and laid out by prompt and method so that they play in sync."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from fourreal import clip
from fourreal.errors import UserError
from fourreal.judge.offers import titles
from fourreal.judge.values import Row
from fourreal.settings import ClipLimits

LIMITS = replace(ClipLimits(), max_frames=1800)
SIDE, CRF = 512, 24  # pixels of the longer side
SHOWN = ("xclip", "psnr", "still")  # figures under a clip


def written(rows: Sequence[Row], folder: Path) -> tuple[dict[int, str], list[str]]:
    """Write each row's clip into `folder`; their names by the row's number, and a sentence for each that is gone."""
    names, missing = {}, []
    for number, row in enumerate(rows):
        try:
            film = clip.read(Path(row.video), LIMITS, max_side=SIDE, thin=True)
        except UserError as error:
            missing.append(f"{row.method}/{row.name} is not shown. {error}")
            continue
        names[number] = f"{number:04d}.mp4"
        clip.write(film, folder / names[number], crf=CRF)
    return names, missing


def markup(rows: Sequence[Row], methods: Sequence[str], names: Mapping[int, str]) -> str:
    """A row of clips for each prompt, a column for each method."""
    prompts: dict[str, str] = {row.name: row.prompt for row in rows}
    places = {(row.name, row.method): number for number, row in enumerate(rows)}
    out = []
    for name, prompt in prompts.items():
        clips = []
        for method in methods:
            number = places.get((name, method))
            if number is None or number not in names:
                caption = f"<figcaption><b>{escape(method)}</b></figcaption>"
                clips.append(f"<figure class='none'><p>no clip</p>{caption}</figure>")
                continue
            clips.append(
                f"<figure><video src='clips/{names[number]}' muted playsinline preload='metadata' "
                f"aria-label='{escape(method, quote=True)}'></video>"
                f"<figcaption><b>{escape(method)}</b> {escape(_figures(rows[number]))}</figcaption></figure>"
            )
        out.append(f"<h3>{escape(prompt or name)}</h3><div class='clips'>{''.join(clips)}</div>")
    return "\n".join(out)


def _figures(row: Row) -> str:
    figures = titles()
    return ", ".join(
        f"{figures[name].title} {row.scores[name]:.1f}" for name in SHOWN if row.scores.get(name) is not None
    )
