"""Plotly figures of a run: its curves, and where its cameras stand."""

import itertools
import math
from typing import Any

from markupsafe import escape
from plotly import graph_objects as go
from plotly.subplots import make_subplots

DEPTH = 0.09  # of a drawn camera
GREY, SEA, AMBER, VIOLET = "#8b8984", "#2b9485", "#d08a3c", "#8d6fc4"
TAKES = (SEA, AMBER, VIOLET, "#4f86c6", "#c2607a", "#7a9a3a")  # freeze-time, reference, and further ones in turn
QUIET = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": GREY, "size": 11},
    "showlegend": False,
    "autosize": True,
}
LINE = {"gridcolor": "rgba(139,137,132,0.18)", "zeroline": False, "linecolor": "rgba(139,137,132,0.35)"}


def curves(series: dict) -> go.Figure:
    """Loss, PSNR, and where there is any the loss of distillation, over all steps so far.

    Args:
        series: {"step": [...], "loss": [... or None], "psnr": [... or None], "stages": [[first step, title], ...],
            "distillation": [[step, loss], ...]}.
    """
    drawn: list[tuple[str, str, list, list]] = [
        ("PSNR, dB", SEA, series["step"], series["psnr"]),
        ("Loss", AMBER, series["step"], series["loss"]),
    ]
    if series["distillation"]:
        steps, losses = map(list, zip(*series["distillation"], strict=True))
        drawn.append(("Distillation loss", VIOLET, steps, losses))
    count, titles = len(drawn), [title for title, *_ in drawn]
    figure = make_subplots(count, 1, shared_xaxes=True, vertical_spacing=0.2 / count, subplot_titles=titles)
    for row, (title, colour, steps, values) in enumerate(drawn, start=1):
        line = {"x": steps, "mode": "lines", "connectgaps": True}
        pale, clear = {"color": colour, "width": 1}, {"color": colour, "width": 2.5}
        figure.add_trace(go.Scatter(y=values, line=pale, opacity=0.35, hoverinfo="skip", **line), row=row, col=1)
        label = f"step %{{x}}: %{{y:.3g}}<extra>{title}</extra>"
        figure.add_trace(
            go.Scatter(y=smoothed(values), line=clear, name=title, hovertemplate=label, **line), row=row, col=1
        )
    for begin, _ in series["stages"][1:]:
        figure.add_vline(x=begin, line={"color": "rgba(139,137,132,0.45)", "width": 1, "dash": "dot"})
    figure.update_layout(
        height=60 + 115 * count, margin={"l": 40, "r": 8, "t": 24, "b": 30}, uirevision="curves", **QUIET
    )
    figure.update_xaxes(**LINE)
    figure.update_yaxes(**LINE)
    if all(value is None for *_, values in drawn for value in values):  # plotly would number the axes as it likes
        figure.update_xaxes(showticklabels=False)
        figure.update_yaxes(showticklabels=False)
    figure.update_yaxes(type="log", row=2, col=1, dtick="D2")  # labels at 1, 2 and 5
    if count > 2:  # no logarithm, as it is 0 where the model is not believed
        figure.update_yaxes(rangemode="nonnegative", row=3, col=1, nticks=4)
    figure.update_xaxes(title_text="step", title_standoff=4, row=count, col=1)
    return figure


def layout(arrays: dict) -> go.Figure:
    """Camera frusta and sparse points in space, up drawn up.

    Args:
        arrays: {"cameras": [world_to_camera 4x4 ...], "points": [[x, y, z] ...], "colors": [[r, g, b] in 0..1 ...]};
            with the cameras of other takes, {"reference": [...], "takes": [{"name", "cameras"} ...]}, each take has a
            colour of its own.
    """
    figure = go.Figure()
    takes = {"Freeze-time video": arrays.get("cameras") or []}
    if "reference" in arrays:
        takes |= {"Reference video": arrays["reference"]}
        for number, take in enumerate(arrays["takes"], start=1):
            takes[f"{number}. {escape(take['name'][:24])}"] = take["cameras"]
    # one that stands still would hardly be seen among others
    drawn = {
        name: [frustum(camera, DEPTH if len(cameras) > 1 else 2 * DEPTH) for camera in cameras]
        for name, cameras in takes.items()
    }
    reach = 1.25 * max((max(map(abs, centre)) for one in drawn.values() for _, centre in one), default=1.0)
    # a few points lie far away, and would make everything else tiny
    near = [i for i, point in enumerate(arrays.get("points") or []) if max(map(abs, point)) <= reach]
    if near:
        rgb = lambda colour: f"rgb({','.join(str(round(255 * min(max(c, 0), 1))) for c in colour)})"
        colours = [rgb(arrays["colors"][i]) for i in near] if arrays.get("colors") else GREY
        points = [upright(arrays["points"][i]) for i in near]
        look = {"marker": {"size": 1.8, "color": colours}, "showlegend": False}
        figure.add_trace(spatial(points, mode="markers", name="points", **look))
    alone = len(drawn) == 1
    for (name, cameras), colour in zip(drawn.items(), itertools.cycle(TAKES)):
        lines, centres = [], []
        for corners, centre in cameras:
            centres.append(upright(centre))
            for corner, following in zip(corners, corners[1:] + corners[:1], strict=True):
                lines += [upright(centre), upright(corner), upright(following), (None, None, None)]
        if lines:
            figure.add_trace(
                spatial(lines, mode="lines", name=name, line={"color": colour, "width": 2 if alone else 3})
            )
            path = {"color": AMBER if alone else colour, "width": 4}
            figure.add_trace(spatial(centres, mode="lines", name="path", showlegend=False, line=path))
    hidden = {"visible": False, "showbackground": False, "range": [-reach, reach]}
    figure.update_layout(
        height=290,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        uirevision="layout",
        scene={
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectmode": "cube",
            "dragmode": "orbit",
            "camera": {"eye": {"x": 0.5, "y": -1.05, "z": 0.5}},
        },
        **QUIET,
    )
    if not alone:
        figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 0, "yanchor": "top"}, height=330)
    return figure


def spatial(points: list, **look: Any) -> go.Scatter3d:
    """A trace through points in space."""
    x, y, z = zip(*points, strict=True)
    return go.Scatter3d(x=x, y=y, z=z, hoverinfo="skip", **look)


def smoothed(values: list, share: float = 0.75) -> list:
    """A running mean in which each value before counts `share` as much as the next; gaps stay gaps."""
    out, mean = [], None
    for value in values:
        if value is not None:
            mean = value if mean is None else share * mean + (1 - share) * value
        out.append(None if value is None else mean)
    return out


def upright(point) -> tuple[float, float, float]:
    """From OpenCV's axes (y down, z forward) to Plotly's (z up)."""
    x, y, z = point
    return float(x), float(z), -float(y)


def frustum(world_to_camera: list, depth: float = DEPTH) -> tuple[list, list]:
    """The four corners of a camera's picture at `depth`, and its centre, in world coordinates."""
    rotation = [row[:3] for row in world_to_camera[:3]]
    shift = [row[3] for row in world_to_camera[:3]]
    back = lambda p: [sum(rotation[k][i] * (p[k] - shift[k]) for k in range(3)) for i in range(3)]
    wide, high = depth * 0.55, depth * 0.31
    corners = [back((x, y, depth)) for x, y in ((-wide, -high), (wide, -high), (wide, high), (-wide, high))]
    return corners, back((0.0, 0.0, 0.0))


def finite(value: object) -> float | None:
    """A number to draw, None for anything else."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
