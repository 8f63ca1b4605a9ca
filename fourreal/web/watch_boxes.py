"""What is said of a run that is watched, in HTML."""

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import failed
from fourreal.web.cursor import STAGES, stage_name
from fourreal.web.forming import how_far, left_in_words
from fourreal.web.markup import note, tag, text
from fourreal.web.parts import Page
from fourreal.web.routes import file_urls


def nothing() -> str:
    return tag("div", tag("p", "Nothing is running. Choose two videos and press Start."), class_="progress idle")


def progress_box(page: Page, run: Run, cursor: dict, owner: str) -> str:
    """One clear line, a bar, and the stages."""
    last = cursor["last"]
    if run.state == "queued":
        ahead = {0: "It is next.", 1: "One scene is before it."}.get(run.place, f"{run.place} scenes are before it.")
        waiting = tag("p", "You can close this page; it will be here when you come back.", class_="quiet")
        return tag("div", tag("h4", "Waiting in line"), tag("p", ahead), waiting, class_="progress")
    if run.state == "failed":
        offered = failed.offers(run, failed.looks_swapped(page, run, owner))
        return tag("div", tag("h4", "It did not work out"), note(run.error, "bad"), offered, class_="progress")
    if run.state == "stopped":
        remains = "The scene as it was is kept." if run.has_scene else "Nothing could be kept yet."
        return tag("div", tag("h4", "Stopped"), tag("p", remains), class_="progress")
    now = stage_name(str(last.get("stage") or ""))
    done = run.state == "done"
    head = "Done" if done else STAGES.get(now, "Starting")
    share, left = (1.0, None) if done else how_far(page, run)
    details = [left_in_words(left) if not done else "", figures_told(last)]
    message = cursor["messages"][-1] if cursor["messages"] and not done else ""
    return tag(
        "div",
        tag("h4", text(head)),
        tag("p", text(" · ".join(filter(None, details))), class_="quiet", data_step=int(last.get("step") or 0)),
        tag("div", tag("i", style=f"width:{100 * share:.1f}%"), class_="bar"),
        stage_row(now, done),
        tag("p", text(message), class_="quiet message") if message else "",
        class_="progress",
    )


def critique_box(page: Page, run: Run, cursor: dict) -> str:
    """The last distilled frames: as they were rendered, and beneath as the video model wants them."""
    name = f"live/{cursor['critique']}"
    if not there(page, run, name):
        return ""
    believed = ", ".join(f"{kind} {share:.0%}" for kind, share in sorted(cursor["trust"].items()))
    return tag(
        "figure",
        tag("h4", "What the video model says"),
        tag("img", src=file_urls(run.id) + name, alt="Above some frames as they are, below as the model wants them"),
        tag(
            "figcaption",
            "Above as it is, below as the model wants it."
            + (text(f" How far it is believed: {believed}.") if believed else ""),
            class_="quiet",
        ),
        class_="critique",
    )


def figures_told(last: dict) -> str:
    values = last.get("values") or {}
    psnr, splats = values.get("psnr"), values.get("splats")
    figures = [f"{psnr:.1f} dB" if psnr is not None else "", f"{splats:,.0f} splats" if splats is not None else ""]
    return " · ".join(part for part in figures if part)


def stage_row(now: str, done: bool) -> str:
    names = list(STAGES)
    reached = len(names) if done else (names.index(now) if now in names else 0)
    kinds = ("done" if i < reached else "now" if i == reached else "" for i in range(len(names)))
    items = (tag("li", text(STAGES[name]), class_=kind) for name, kind in zip(names, kinds, strict=True))
    return tag("ol", *items, class_="stages")


def there(page: Page, run: Run, name: str) -> bool:
    """Whether a run still has a file; the live ones of old runs may be gone."""
    try:
        return page.service.public_file(run.id, name) is not None
    except UserError:
        return False
