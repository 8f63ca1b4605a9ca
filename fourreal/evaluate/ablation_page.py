"""One self-contained page that shows variants of a reconstruction side by side: a chart, a table, pictures."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from fourreal.jpeg import jpeg

WIDEST = 480  # pixels of a picture
TITLES = {
    "psnr_moving_reference_times": "PSNR of what moves, unseen views, dB",
    "psnr_moving": "PSNR of what moves, dB",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "psnr_static": "PSNR of what stands still, dB",
    "psnr_freeze_left_out": "PSNR, frames left out, dB",
    "seconds": "seconds",
}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #22262b; background: #fbfaf8; margin: 2.5rem auto; max-width: 75rem;
  padding: 0 1.5rem } h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem }
p { color: #6b6f75; margin: .3rem 0 } table { border-collapse: collapse } .wide { overflow-x: auto }
th, td { padding: .35rem .8rem .35rem 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th { font-weight: 500; color: #6b6f75; border-bottom: 1px solid #d9d6d0; white-space: normal; vertical-align: bottom }
th:first-child, td:first-child { text-align: left }
td small { color: #8b8984 } .worse { color: #b3412f } .better { color: #1d7a5f }
.pictures td, .pictures th { text-align: left; padding: 0 .5rem .5rem 0; border: 0 } .pictures img { display: block;
  width: 20rem; border-radius: 4px } .pictures td:first-child { min-width: 9rem; white-space: normal }
"""


@dataclass(frozen=True, eq=False)
class Shown:
    """labels, pictures: a few views, (H, W, 3) uint8; truth: the same views as they really are, or ()."""

    labels: tuple[str, ...]
    pictures: tuple[np.ndarray, ...]
    truth: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, eq=False)
class Variant:
    """name; title, "" for the method as a whole; rows: its scores, one a seed; pictures: of the first seed."""

    name: str
    title: str
    rows: tuple[Mapping[str, float | int | str | None], ...]
    pictures: tuple[np.ndarray, ...]


def page(variants: Sequence[Variant], full: Shown, notes: Sequence[str] = ()) -> str:
    """The whole page as HTML, with no address in it; the first variant is the method as a whole."""
    scores = [name for name in TITLES if any(row.get(name) is not None for row in variants[0].rows)]
    seeds = len(variants[0].rows)
    remarks = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Ablations</title>'
        f"<style>{STYLE}</style><h1>What each part is good for</h1>"
        f"<p>The same two videos, each time without one part of the method. {_seeds(seeds)}</p>{remarks}"
        f"{_chart(variants, scores)}<h2>Scores</h2>{_table(variants, scores)}"
        f"<h2>The same cameras and times</h2>{_pictures(variants, full)}</html>"
    )


def spread(variant: Variant, score: str) -> tuple[float, float, float] | None:
    """(mean, least, most) over the seeds, None where it is not known."""
    values = [float(value) for row in variant.rows if (value := row.get(score)) is not None]
    return (sum(values) / len(values), min(values), max(values)) if values else None


def _chart(variants: Sequence[Variant], scores: Sequence[str]) -> str:
    """The first score: a dot a seed and a bar at the mean."""
    from plotly import graph_objects as go

    score = scores[0]
    figure = go.Figure()
    for variant in variants:
        ranged, title = spread(variant, score), variant.title or variant.name
        if ranged is None:
            continue
        colour = "#2b9485" if not variant.title else "#d08a3c"
        values = [row[score] for row in variant.rows if row.get(score) is not None]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=[title] * len(values),
                mode="markers",
                marker={"color": colour, "size": 9, "opacity": 0.55},
                hovertemplate="%{x:.2f}<extra></extra>",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[ranged[0]],
                y=[title],
                mode="markers",
                marker={"color": colour, "size": 24, "symbol": "line-ns-open", "line": {"width": 3}},
                hovertemplate="mean %{x:.2f}<extra></extra>",
            )
        )
    figure.update_layout(
        height=90 + 46 * len(variants),
        showlegend=False,
        margin={"l": 10, "r": 20, "t": 10, "b": 45},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif"},
    )
    figure.update_xaxes(title_text=TITLES[score], gridcolor="#e6e3de", zeroline=False)
    figure.update_yaxes(autorange="reversed", gridcolor="#e6e3de", automargin=True)
    return figure.to_html(include_plotlyjs="inline", full_html=False, config={"displayModeBar": False})


def _table(variants: Sequence[Variant], scores: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(TITLES[score])}</th>" for score in scores)
    lines = []
    for variant in variants:
        cells = [f"<td>{escape(variant.title or variant.name)}</td>"]
        for score in scores:
            own, whole = spread(variant, score), spread(variants[0], score)
            if own is None or whole is None:
                cells.append("<td>-</td>")
                continue
            digits = 3 if score == "ssim" else 0 if score == "seconds" else 2
            show = lambda value, digits=digits: f"{value:.{digits}f}"
            apart = own[0] - whole[0] if score != "seconds" and variant.title else 0.0
            # seeds tell how much is chance: a difference is beyond it where their ranges do not meet
            sure = len(variant.rows) > 1 and (own[2] < whole[1] or own[1] > whole[2])
            kind = ("worse" if apart < 0 else "better") if sure and apart else ""
            ranged = f"<br><small>{show(own[1])} to {show(own[2])}</small>" if len(variant.rows) > 1 else ""
            cells.append(f'<td><span class="{kind}">{show(own[0])}</span>{ranged}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'


def _pictures(variants: Sequence[Variant], full: Shown) -> str:
    rows = [("the truth", full.truth)] if full.truth else []
    rows += [(variant.title or variant.name, variant.pictures) for variant in variants]
    head = "".join(f"<th>{escape(label)}</th>" for label in full.labels)
    lines = "".join(
        f"<tr><td>{escape(title)}</td>{''.join(f'<td>{_image(p, title)}</td>' for p in pictures)}</tr>"
        for title, pictures in rows
    )
    return f'<div class="wide"><table class="pictures"><tr><th></th>{head}</tr>{lines}</table></div>'


def _image(picture: np.ndarray, title: str) -> str:
    data = base64.b64encode(jpeg(picture, quality=90, within=WIDEST)).decode()
    return f'<img alt="{escape(title)}" src="data:image/jpeg;base64,{data}">'


def _seeds(number: int) -> str:
    if number == 1:
        return "One seed each, so small differences may be chance."
    return f"{number} seeds each; the table has means and, beneath, the range. What is beyond chance is coloured."
