"""Numbers as people say them, and how long people read."""


def duration(seconds: float | int | None) -> str:
    """Seconds as people say them: "40 s", "3 min", "1 h 20 min"."""
    if seconds is None:
        return "unknown"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min" if whole >= 600 else f"{whole // 60} min {whole % 60:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def amount(megabytes: float | int | None) -> str:
    """Megabytes as people say them."""
    if megabytes is None:
        return "unknown"
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{max(1, round(megabytes))} MB"


def size(count: float | int) -> str:
    """Bytes as people say them, with three digits: "812 B", "1.25 MB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 99.95 or unit == "B" else f"{value:.3g} {unit}"


def reading(sentence: str) -> float:
    """Seconds in which a tired reader notices a sentence and reads it."""
    return max(20.0, 10 + len(sentence) / 8)


def worth_saying(device: str, place: int) -> list[tuple[str, str]]:
    """Rows of an estimate: where a job runs and how many come before it, but not what everybody expects."""
    elsewhere = [] if device == "cpu" else [("Runs on", device)]
    return elsewhere + ([("Place in line", f"{place} before it")] if place else [])


def ahead_of(place: int, what: str) -> str:
    """Where somebody is in a line of jobs, or scenes."""
    return {0: "It is next.", 1: f"One {what} is before it."}.get(place, f"{place} {what}s are before it.")
