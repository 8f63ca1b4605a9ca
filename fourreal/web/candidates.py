"""What the step *Create* says of models and candidates, in HTML."""

from markupsafe import Markup

from fourreal.jobs.create_values import Creation
from fourreal.web.choice import best_of, score, title
from fourreal.web.markup import note, pieces
from fourreal.web.routes import file_urls
from fourreal.web.words import ahead_of, duration

NAMED = ("candidates", "coverage")  # stages whose messages name files, for the command line
STAGES = {
    "download": "Downloading the model",
    "loading": "Loading the model",
    "video": "Making the video",
    "coverage": "Finding out how far the camera goes",
    "extend": "Making it longer",
    "candidates": "Making the video",
}


def making(creation: Creation) -> Markup:
    """One clear line on what is going on, with a picture of what is forming; "" where nothing is."""
    if creation.state == "queued":
        return pieces("create").waits(ahead_of(creation.place, "job"))
    if creation.state == "failed":
        outdated = creation.outdated if creation.outdated != creation.error else ""
        return note(creation.error, "bad") + note(outdated)
    if creation.state != "running":
        return note("Stopped. What is finished stays." if creation.state == "stopped" else "") + note(creation.outdated)
    last, made = creation.progress, sum(one.made or bool(one.error) for one in creation.candidates)
    stage, step, steps = str(last.get("stage") or ""), int(last.get("step") or 0), int(last.get("steps") or 0)
    head, some_left = STAGES.get(stage, "Starting"), made < len(creation.candidates)
    if some_left:
        head += f": candidate {made + 1} of {len(creation.candidates)}"
    inner, left = steps and stage not in ("candidates", "extend"), last.get("seconds_left")
    how_far = [f"step {step} of {steps}", f"{duration(left)} left" if left is not None else ""] if inner else []
    details = [*how_far, str(last.get("message") or "") if stage not in NAMED else ""]
    picture = file_urls(creation.id) + creation.preview if creation.preview and some_left else ""
    return pieces("create").forming(head, details, step / steps if inner else None, picture)


def gallery(creation: Creation) -> Markup:
    """All candidates, those that are there best first, then the others, and what can be done about all of them."""
    there = [one for one in creation.candidates if one.made]
    others = sorted((one for one in creation.candidates if not one.made), key=lambda one: (not one.error, one.number))
    return pieces("create").gallery(
        folder=file_urls(creation.id),
        freeze=creation.wishes.role == "freeze",
        there=[(one, title(one), score(one)) for one in there],
        best=best_of(there),
        others=[(one, title(one)) for one in others],
        waiting=sum(not one.error for one in others),
        may_undo=creation.discarded is not None,
    )
