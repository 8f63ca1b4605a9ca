"""What is said of a run that is watched, in HTML."""

from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.jobs.values import Run
from fourreal.web import failed
from fourreal.web.cursor import STAGES, stage_name
from fourreal.web.forming import how_far, left_in_words
from fourreal.web.markup import pieces
from fourreal.web.parts import Page
from fourreal.web.routes import file_urls
from fourreal.web.words import ahead_of


def progress_box(page: Page, run: Run, cursor: dict, owner: str) -> Markup:
    """One clear line, a bar, and the stages."""
    html, last = pieces("watch"), cursor["last"]
    if run.state == "queued":
        return html.waits(ahead_of(run.place, "scene"))
    if run.state == "failed":
        return html.failed(run.error, failed.offers(run, failed.looks_swapped(page, run, owner)))
    if run.state == "stopped":
        return html.stopped(run.has_scene)
    now, names, done = stage_name(str(last.get("stage") or "")), list(STAGES), run.state == "done"
    share, left = (1.0, None) if done else how_far(page, run)
    return html.going(
        head="Done" if done else STAGES.get(now, "Starting"),
        details=["" if done else left_in_words(left), figures_of(last)],
        step=int(last.get("step") or 0),
        share=share,
        stages=STAGES.values(),
        reached=len(names) if done else names.index(now) if now in names else 0,
        message=cursor["messages"][-1] if cursor["messages"] and not done else "",
    )


def critique_box(page: Page, run: Run, cursor: dict) -> Markup:
    """The last distilled frames: as they were rendered, and beneath as the video model wants them."""
    name = f"live/{cursor['critique']}"
    if not exists(page, run, name):
        return Markup()
    trust = ", ".join(f"{kind} {share:.0%}" for kind, share in sorted(cursor["trust"].items()))
    return pieces("watch").critique(file_urls(run.id) + name, trust)


def figures_of(last: dict) -> str:
    values = last.get("values") or {}
    psnr, splats = values.get("psnr"), values.get("splats")
    figures = [f"{psnr:.1f} dB" if psnr is not None else "", f"{splats:,.0f} splats" if splats is not None else ""]
    return " · ".join(part for part in figures if part)


def exists(page: Page, run: Run, name: str) -> bool:
    """Whether a run still has a file; the live ones of old runs may be gone."""
    try:
        return page.service.jobs.public_file(run.id, name) is not None
    except UserError:
        return False
