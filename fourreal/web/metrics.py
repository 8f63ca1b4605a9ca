"""The figures of a run in words, out of its metrics.json."""

from collections.abc import Callable

from fourreal.web.markup import amount

decibel = lambda value: f"{value:.1f} dB"
count = lambda value: f"{value:,.0f}"
share = lambda value: f"{value:.3f}"

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
    ("bytes.scene.r4d", "Viewer file", lambda value: amount(value / 1024**2)),
)


def flat(metrics: dict, prefix: str = "") -> dict[str, float]:
    """Every number of nested metrics by its dotted key, and fit.freeze and fit.reference, the PSNR of either stage."""
    found = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + key] = float(value)
    if not prefix:
        stages = {
            key.split(".")[1]: value for key, value in found.items() if key.startswith("stages.") and ".psnr" in key
        }
        for stage, value in stages.items():  # in the order of the work, so the last phase counts
            found["fit.freeze" if stage == "canonical" else "fit.reference"] = value
    return found


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
