"""What each part of the method is good for: the tables of `fourreal ablate` as one matrix."""

import json
import math
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fourreal.errors import UserError
from fourreal.evaluate.ablation_page import TITLES

MOST_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Matrix:
    """variants: the whole method first. values: by variant and figure, means over seeds; None where there is none."""

    title: str
    variants: tuple[str, ...]
    figures: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    seeds: int


def read(folder: Path) -> Matrix:
    """Out of the folder that `fourreal ablate --out` wrote. Raises UserError where it did not."""
    path = folder / "table.json"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        rows = json.loads(path.read_text(encoding="utf-8"))
        variants = tuple(dict.fromkeys(str(row["variant"]) for row in rows))
        figures = tuple(name for name in TITLES if any(_number(row.get(name)) is not None for row in rows))
        if not variants or not figures:
            raise ValueError("it has no scores")
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no ablations: give a folder that `fourreal ablate --out` wrote.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({error}): run `fourreal ablate` again.") from error
    of = lambda variant, name: [
        value for row in rows if row["variant"] == variant and (value := _number(row.get(name))) is not None
    ]
    average = lambda values: sum(values) / len(values) if values else None
    values = tuple(tuple(average(of(variant, name)) for name in figures) for variant in variants)
    seeds = len({row.get("seed") for row in rows})
    return Matrix(folder.resolve().name, variants, figures, values, seeds)


def markup(matrix: Matrix) -> str:
    """The matrix as a table: each cell with what lies between it and the whole method."""
    head = "".join(f"<th>{escape(TITLES[name])}</th>" for name in matrix.figures)
    rows = []
    for variant, values in zip(matrix.variants, matrix.values, strict=True):
        cells = "".join(map(_cell, matrix.figures, values, matrix.values[0]))
        name = variant if variant == matrix.variants[0] else f"without {variant}"
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    seeds = f"{matrix.seeds} seed{'' if matrix.seeds == 1 else 's'}"
    return (
        f"<h3>{escape(matrix.title)}</h3>"
        f"<div class='scroll'><table><tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
        f"<p class='quiet'>Means over {seeds}; small: against the whole method.</p>"
    )


def _cell(name: str, value: float | None, whole: float | None) -> str:
    if value is None:
        return "<td>–</td>"
    digits = 0 if name == "seconds" else 3 if name == "ssim" else 2
    text = f"{value:.{digits}f}"
    if whole is None or value == whole:
        return f"<td>{text}</td>"
    apart = value - whole
    kind = "" if name == "seconds" else ' class="worse"' if apart < 0 else ' class="better"'
    return f"<td{kind}>{text} <small>{apart:+.{digits}f}</small></td>"


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
