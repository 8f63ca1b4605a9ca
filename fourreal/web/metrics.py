"""The figures of a run in words, out of its metrics.json."""

from collections.abc import Callable

from markupsafe import Markup

from fourreal.web.markup import pieces
from fourreal.web.words import amount, duration, size

decibel = lambda value: f"{value:.1f} dB"
count = lambda value: f"{value:,.0f}"
share = lambda value: f"{value:.3f}"
size_of_megabytes = lambda value: size(value * 1e6)

# What is shown, in order: the key of `flat`, what it is called, how it is written.
SHOWN: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("fit.freeze", "Fit, freeze-time video", decibel),
    ("fit.reference", "Fit, reference video", decibel),
    ("ground_truth.psnr", "Unseen views", decibel),
    ("ground_truth.psnr_moving", "Unseen views, what moves", decibel),
    ("ground_truth.ssim", "Unseen views, SSIM", share),
    ("splats", "Splats", count),
    ("moving_splats", "of which move", count),
    ("frames", "Moments", count),
    ("peak_memory_mb", "Memory at most", amount),
    ("bytes.scene.r4d", "Viewer file", size),
)
# Of what is compared: the same, with what videos have as well, and so that small differences are seen.
COMPARED: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("took", "Took", duration),
    *((key, name, size_of_megabytes if key == "peak_memory_mb" else form) for key, name, form in SHOWN),
    ("bytes.video", "Video file", size),
)


def flat(metrics: dict, prefix: str = "") -> dict[str, float]:
    """Every number of nested metrics by its dotted key, and fit.freeze and fit.reference, the PSNR of either stage."""
    numbers: dict[str, float] = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            numbers |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[prefix + key] = float(value)
    if not prefix:
        stages = {
            key.split(".")[1]: value for key, value in numbers.items() if key.startswith("stages.") and ".psnr" in key
        }
        for stage, value in stages.items():  # in the order of the work, so the last phase counts
            numbers["fit.freeze" if stage == "canonical" else "fit.reference"] = value
    return numbers


def rows(metrics: dict) -> list[tuple[str, str]]:
    """(name, value) of what is known."""
    numbers = flat(metrics)
    return [(name, form(numbers[key])) for key, name, form in SHOWN if key in numbers]


def differences(first: dict, second: dict) -> dict[str, dict[str, float]]:
    """{key: {first, second, difference}} of the numbers that both metrics have, by dotted key."""
    one, two = flat(first), flat(second)
    return {
        key: {"first": one[key], "second": two[key], "difference": two[key] - one[key]}
        for key in sorted(set(one) & set(two))
    }


def table(things: list[tuple[str, dict]]) -> Markup:
    """A table of (title, metrics): a column each, and for two of them what lies between."""
    numbers = [flat(metrics) for _, metrics in things]
    two = len(things) == 2 and any(key in numbers[0] and key in numbers[1] for key, *_ in COMPARED)
    rows = []
    for key, name, form in COMPARED:
        values = [one.get(key) for one in numbers]
        if all(value is None for value in values):
            continue
        cells = ["–" if value is None else form(value) for value in values]
        rows.append([name, *cells, *([between(values[0], values[1], form)] if two else [])])
    head = ["", *(title for title, _ in things), *(["difference"] if two else [])]
    return pieces("compare").table(head, rows) if rows else Markup()


def between(one: float | None, two: float | None, form: Callable[[float], str]) -> str:
    """By how much the second is more than the first, as it is written."""
    if one is None or two is None:
        return "–"
    if form(one) == form(two):
        return "same"
    return ("+" if two > one else "−") + form(abs(two - one))
