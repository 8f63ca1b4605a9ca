"""The report as one folder of files that open from the disk and from any web server."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path

from fourreal.errors import UserError
from fourreal.judge import judging
from fourreal.report import ablations, gallery, tables
from fourreal.report.means import INTERVAL, means, methods
from fourreal.study import report as study_report
from fourreal.whole import whole_folder

HERE = Path(__file__).parent
PAPER = (
    "The paper's figures are of its own prompts and videos: they can be compared with ours only as far as these are "
    "the same. 4Real has three columns there, as each baseline had prompts of its own."
)
OWN = "report.json"  # what tells a folder of ours from another


def write(folder: Path, out: Path, studies: tuple[Path, ...] = (), ablated: tuple[Path, ...] = ()) -> Path:
    """Write the report of what `judge` wrote into `folder`; its index.html. A report that was there goes.

    Raises UserError where there are no scores, a study or ablations are not where they should be, or the folder cannot
    be written or holds something else; then what was there stays.
    """
    rows, notes = judging.read(folder)
    outcomes = [study_report.results_of(place)[2] for place in studies]
    matrices = [ablations.read(place) for place in ablated]
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / OWN).is_file())):
        raise UserError(f"{out} is there and is no report: choose another folder with --out.")
    with whole_folder(out) as fresh:
        (fresh / "clips").mkdir()
        names, missing = gallery.written(rows, fresh / "clips")
        averages, order = means(rows), methods(rows)
        errors = [f"{row.method}/{row.name}: {error}" for row in rows for error in row.errors]
        parts = {
            "table": tables.table1(averages),
            "paper": escape(PAPER),
            "others": tables.others(averages),
            "chart": tables.chart(averages),
            "interval": escape(INTERVAL),
            "notes": tables.notes([*notes, *errors, *missing]),
            "study": "".join(f"<p>{escape(one.name)}</p>{study_report.sections(one)}" for one in outcomes)
            + (f"<p class='quiet'>{escape(outcomes[0].interval)}</p>" if outcomes else ""),
            "ablations": "".join(map(ablations.markup, matrices)),
            "gallery": gallery.markup(rows, order, names),
        }
        (fresh / "index.html").write_text(page(parts), encoding="utf-8")
        (fresh / judging.TABLE).write_text(judging.as_csv(rows), encoding="utf-8")
        whole = {method: {name: asdict(one) for name, one in scores.items()} for method, scores in averages.items()}
        content = {"means": whole, "studies": [asdict(one) for one in outcomes], "notes": notes}
        (fresh / OWN).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
        study_report.copy_script(fresh)
        if out.exists():
            shutil.rmtree(out)
    return out.absolute() / "index.html"


def page(parts: Mapping[str, str]) -> str:
    """The template with its parts, which are markup."""
    from jinja2 import Template

    files = {name: (HERE / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    return Template(files.pop("html")).render(files | dict(parts))
