"""The report's tables and chart, as markup."""

from collections.abc import Mapping, Sequence
from html import escape

from fourreal.judge.offers import OFFERS, titles
from fourreal.report.means import Mean
from fourreal.report.paper import BASELINES, OURS, TABLE1, baseline_of

COLORS = ("#2b9485", "#c9a66b", "#7d8bb3", "#b3541e", "#8b8984", "#5d7f3f")
COLUMNS = 3  # charts in a row
PAPERS = ("xclip", "videoscore")  # judges of the paper's table


def table1(results: Mapping[str, Mapping[str, Mean]]) -> str:
    """The paper's Table 1: its rows, our figures, and its own beside them."""
    names = titles()
    paper = "".join(f"<th class='paper'>{OURS}</th><th class='paper'>{name}</th>" for name in BASELINES)
    ours = "".join(f"<th>{escape(method)}</th>" for method in results)
    spans = f"<th colspan='{len(results)}'>Here</th><th class='paper' colspan='{2 * len(BASELINES)}'>In the paper</th>"
    groups = f"<tr><th></th>{spans}</tr>"
    rows = []
    for judge in PAPERS:
        for name in OFFERS[judge].scores:
            here = "".join(f"<td>{cell(means.get(name))}</td>" for means in results.values())
            there = "".join(f"<td class='paper'>{value:.2f}</td>" for both in TABLE1[name] for value in both)
            rows.append(f"<tr><td>{escape(names[name].title)}</td>{here}{there}</tr>")
    return f"<div class='scroll'><table>{groups}<tr><th></th>{ours}{paper}</tr>{''.join(rows)}</table></div>"


def others(results: Mapping[str, Mapping[str, Mean]]) -> str:
    """What is not in the paper's table; "" where there is nothing."""
    here = [name for name in titles() if name not in TABLE1 and any(name in means for means in results.values())]
    if not here:
        return ""
    head = "".join(f"<th>{escape(method)}</th>" for method in results)
    rows = "".join(
        f"<tr><td>{escape(_title(name))}</td>"
        + "".join(f"<td>{cell(means.get(name))}</td>" for means in results.values())
        + "</tr>"
        for name in here
    )
    return f"<div class='scroll'><table><tr><th></th>{head}</tr>{rows}</table></div>"


def cell(one: Mean | None) -> str:
    """A mean with its interval."""
    if one is None:
        return "–"
    digits = 2 if abs(one.value) < 1000 else 0
    ends = "" if one.low is None else f" <small>[{one.low:.{digits}f}, {one.high:.{digits}f}]</small>"
    return f"{one.value:.{digits}f}{ends}"


def chart(results: Mapping[str, Mapping[str, Mean]]) -> str:
    """A small bar chart for each figure, with intervals, and the paper's figure where the method is one of its own."""
    from plotly.subplots import make_subplots

    figures = [name for name in titles() if any(name in means for means in results.values())]
    if not figures:
        return ""
    rows = -(-len(figures) // COLUMNS)
    names = [_title(name) for name in figures]
    figure = make_subplots(rows, COLUMNS, subplot_titles=names, vertical_spacing=0.28 / rows)
    for place, name in enumerate(figures):
        at = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        for number, (method, means) in enumerate(results.items()):
            if name in means:
                _bar(figure, method, means[name], COLORS[number % len(COLORS)], at, place == 0)
            theirs = _paper_figure(name, method)
            if theirs is not None and name in means:
                figure.add_scatter(
                    x=[escape(method)],
                    y=[theirs],
                    mode="markers",
                    name="in the paper",
                    legendgroup="paper",
                    showlegend=False,
                    marker={"symbol": "diamond", "size": 10, "color": "#262626"},
                    hovertemplate="in the paper: %{y:.2f}<extra></extra>",
                    **at,
                )
    figure.update_layout(
        height=250 * rows,
        margin={"l": 40, "r": 10, "t": 40, "b": 30},
        template="plotly_white",
        showlegend=False,
        font={"family": "Inter, system-ui, sans-serif", "size": 13, "color": "#262626"},
        bargap=0.35,
    )
    figure.update_annotations(font_size=13)
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True})


def _bar(figure, method: str, one: Mean, color: str, at: Mapping[str, int], first: bool) -> None:
    ends = None
    if one.low is not None and one.high is not None:
        ends = {
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.value],
            "arrayminus": [one.value - one.low],
            "color": "#262626",
            "thickness": 1.5,
        }
    figure.add_bar(
        x=[escape(method)],
        y=[one.value],
        error_y=ends,
        marker_color=color,
        showlegend=first,
        hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        **at,
    )


def _paper_figure(name: str, method: str) -> float | None:
    baseline = baseline_of(method)
    if name not in TABLE1 or baseline is None:
        return None
    return TABLE1[name][BASELINES.index(baseline)][1]


def _title(name: str) -> str:
    score = titles()[name]
    better = {True: "", False: ", less is better", None: ""}[score.more]
    return score.title + (f" ({score.unit}{better})" if score.unit else "")


def notes(sentences: Sequence[str]) -> str:
    """What went wrong or is missing."""
    return "<ul class='notes'>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>" if sentences else ""
