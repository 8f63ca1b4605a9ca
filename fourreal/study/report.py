"""Results for people and programs: the paper's bar chart, a table, CSV and JSON."""

import csv
import html
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from fourreal.errors import UserError
from fourreal.study.exchange import safe_cell, table
from fourreal.study.page import colours
from fourreal.study.questions import TITLES
from fourreal.study.results import Comparison, Results, results
from fourreal.study.values import Study, read
from fourreal.study.votes import Vote, Votes
from fourreal.whole import make_folder, unwritable, writing

OURS, THEIRS, INK, PAPER_MARK = "#74ccbc", "#e4e2dd", "#262626", "#b3541e"
SCRIPT = "plotly.min.js"
COLUMNS = (
    "method",
    "other",
    "question",
    "pairs",
    "raters",
    "votes",
    "won",
    "percent",
    "wilson_low",
    "wilson_high",
    "raters_low",
    "raters_high",
    "paper_percent",
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{colours}body {{ margin: 0 auto; max-width: 1100px; padding: 16px 20px 40px }}
body {{ font: 16px/1.5 Inter, system-ui, sans-serif; background: var(--ground); color: var(--ink) }}
a {{ color: var(--accent) }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.15rem; margin-top: 2em }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: 4px 12px 4px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }}
.quiet {{ color: var(--quiet); font-size: .9rem }}
/* plotly writes its colours into each element; its bars are light enough for both */
:is(.xtick, .ytick) text, .legendtext {{ fill: var(--ink) !important }}
.gridlayer path {{ stroke: var(--line) !important }}
</style>
<script src="{script}"></script>
</head>
<body>
{body}
</body>
</html>
"""


def report(folder: Path, out: Path, finished_only: bool = False) -> Results:
    """Write the results of the study in `folder` as files into `out`: index.html, results.json, results.csv, votes.csv.

    Raises UserError where there is no study, or the folder cannot be written.
    """
    study = read(folder)
    votes = Votes(folder).all()
    summary = results(study, votes, finished_only)
    contents = {"results.json": as_json(summary), "results.csv": as_csv(summary), "votes.csv": table(study, votes)}
    contents["index.html"] = page(study, summary, SCRIPT, {name: name for name in contents})
    make_folder(out)
    for name, content in contents.items():
        with writing(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    copy_script(out)
    return summary


def copy_script(folder: Path) -> None:
    """Put plotly's script into a folder, so that its pages need no network."""
    try:
        shutil.copyfile(script(), folder / SCRIPT)
    except OSError as error:
        raise unwritable(folder / SCRIPT, error) from error


def script() -> Path:
    """Where plotly's own script lies."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / SCRIPT


def as_json(summary: Results) -> str:
    return json.dumps(asdict(summary), indent=2, allow_nan=False) + "\n"


def as_csv(summary: Results) -> str:
    """A row for each comparison and question; see `COLUMNS`."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for one in summary.comparisons:
        for share in one.shares:
            values = (share.percent, share.low, share.high, *(share.by_rater or (None, None)), share.paper)
            numbers = ("" if value is None else f"{value:.1f}" for value in values)
            names = safe_cell(one.method), safe_cell(one.other)
            rows.writerow((*names, share.question, one.pairs, one.raters, share.votes, share.won, *numbers))
    return out.getvalue()


def page(study: Study, summary: Results, script: str, files: Mapping[str, str]) -> str:
    """The results as a page. script: the address of plotly's. files: addresses of the same for programs, by name."""
    counts = (
        f"{_count(summary.votes, 'answer')} of {_count(summary.raters, 'rater')}, of whom {summary.finished} "
        f"answered all {_count(study.answers(), 'question')}."
    )
    side = "" if summary.on_left is None else f" {summary.on_left:.0f} % of what was preferred was shown on the left."
    links = " · ".join(f'<a href="{html.escape(address)}">{html.escape(name)}</a>' for name, address in files.items())
    body = [
        f"<h1>{html.escape(summary.name)}</h1>",
        f"<p>{counts}{side}</p>",
        sections(summary),
        f'<p class="quiet">{html.escape(summary.interval)}</p>',
        f"<p>{links}</p>",
        films(study),
    ]
    return PAGE.format(
        colours=colours(), title=html.escape(summary.name), script=html.escape(script), body="\n".join(body)
    )


def sections(summary: Results) -> str:
    """A chart and a table for each comparison, as markup that counts on plotly's script."""
    return "\n".join(
        f"<h2>{html.escape(one.method)} against {html.escape(one.other)}</h2>"
        f'<p class="quiet">{_count(one.pairs, "pair")}, {_count(one.raters, "rater")}</p>{chart(one)}{shares(one)}'
        for one in summary.comparisons
    )


def chart(one: Comparison) -> str:
    """The paper's bar chart: how often each method was preferred, question by question."""
    import plotly.graph_objects as go

    bars = [
        (share.question, share.percent, share.low, share.high)
        for share in one.shares
        if share.percent is not None and share.low is not None and share.high is not None
    ]
    if not bars:
        return "<p>There are no answers yet.</p>"
    names = [TITLES[question] for question, *_ in bars]
    ours = [percent for _, percent, _, _ in bars]
    # plotly draws names as markup of its own
    method, other = html.escape(one.method), html.escape(one.other)
    ends = {
        "type": "data",
        "symmetric": False,
        "color": INK,
        "thickness": 1.5,
        "width": 5,
        "array": [high - percent for _, percent, _, high in bars],
        "arrayminus": [percent - low for _, percent, low, _ in bars],
    }
    figure = go.Figure(
        [
            go.Bar(
                y=names,
                x=ours,
                name=method,
                orientation="h",
                marker_color=OURS,
                text=[f"{share:.1f} %" for share in ours],
                textposition="inside",
                insidetextanchor="start",
                hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
            ),
            go.Bar(
                y=names,
                x=[100 - share for share in ours],
                name=other,
                orientation="h",
                marker_color=THEIRS,
                hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
            ),
            # over both bars: of the first one it would be hidden by the second
            go.Scatter(
                y=names,
                x=ours,
                mode="markers",
                marker={"size": 1, "color": INK},
                error_x=ends,
                name="95 %",
                hoverinfo="skip",
            ),
        ]
    )
    shown = {question for question, *_ in bars}
    paper = [
        (TITLES[share.question], share.paper)
        for share in one.shares
        if share.question in shown and share.paper is not None
    ]
    if paper:
        figure.add_scatter(
            y=[name for name, _ in paper],
            x=[value for _, value in paper],
            mode="markers",
            name="4Real in the paper",
            marker={"symbol": "diamond", "size": 10, "color": PAPER_MARK},
            hovertemplate="%{y}, in the paper: %{x:.1f} %<extra></extra>",
        )
    figure.add_vline(x=50, line_dash="dot", line_color=INK, line_width=1)
    figure.update_layout(
        barmode="stack",
        height=110 + 46 * len(names),
        margin={"l": 10, "r": 10, "t": 40, "b": 40},
        bargap=0.3,
        template="plotly_white",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 14, "color": INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        xaxis={"range": [0, 100], "ticksuffix": " %", "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
    )
    config = {"displayModeBar": False, "responsive": True}  # its buttons would cover the legend on a phone
    return f'<div class="scroll">{figure.to_html(full_html=False, include_plotlyjs=False, config=config)}</div>'


def shares(one: Comparison) -> str:
    """The same as a table."""
    head = ("Question", "Answers", f"{one.method} preferred", "95 % (Wilson)", "95 % (over raters)", "Paper")
    rows = [
        (
            TITLES[share.question],
            str(share.votes),
            _percent(share.percent),
            _range(share.low, share.high),
            _range(*(share.by_rater or (None, None))),
            _percent(share.paper),
        )
        for share in one.shares
    ]
    cells = lambda row, tag: "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{cells(head, "th")}</tr>{body}</table></div>'


def films(study: Study) -> str:
    """What was compared, and what was done to the films to make them alike."""
    width, height = study.size
    rows = "".join(
        f"<li>{html.escape(pair.prompt) or 'no text'}: "
        + " and ".join(
            html.escape(film.method) + (f" ({html.escape(film.note)})" if film.note else "")
            for film in (pair.first, pair.second)
        )
        + "</li>"
        for pair in study.pairs
    )
    form = f"All of {width}x{height} pixels, {study.seconds:.1f} s at {study.fps:.4g} frames a second, H.264."
    return f'<h2>Films</h2><p class="quiet">{form}</p><ol start="0">{rows}</ol>'


def results_of(folder: Path) -> tuple[Study, list[Vote], Results]:
    """A study with its votes and what they say. Raises UserError as `read`."""
    study, votes = read(folder), Votes(folder).all()
    return study, votes, results(study, votes)


def check_out(folder: Path) -> None:
    """Raises UserError where a report cannot go into this folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: choose a folder with --out.")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.1f} to {high:.1f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
