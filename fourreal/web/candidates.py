"""HTML of candidate videos: cards with a score in words, what is being made, what a model is."""

from fourreal.jobs.create_values import Candidate, Creation, Offer
from fourreal.web.choice import best_of, score, title
from fourreal.web.markup import button, duration, note, tag, text
from fourreal.web.routes import file_urls

TOLD = 2  # reasons that are shown at once
NAMED = ("candidates", "coverage")  # stages whose messages name files, for the command line
STAGES = {
    "download": "Downloading the model",
    "loading": "Loading the model",
    "video": "Making the video",
    "coverage": "Finding out how far the camera goes",
    "extend": "Making it longer",
    "candidates": "Making the video",
}


def model_facts(offer: Offer) -> str:
    """What somebody has to know before they let a model be downloaded."""
    if offer.page:
        named = text(f"{offer.repository} ({offer.revision})")
        link = tag("a", named, href=offer.page, target="_blank", rel="noopener")
        there = "on this machine" if offer.on_disk else f"{offer.weights} to download"
        rest = f", {offer.licence}, {there}."
    else:
        link, rest = "", f"{offer.licence}, part of this program."
    told = tag("p", text(f"{offer.title}: {offer.summary} "), link, text(rest), class_="quiet")
    return told + (words(offer) if offer.words else "")


def words(offer: Offer) -> str:
    """All the words that a small model understands; a press puts one into the prompt."""
    rows = (
        tag("div", tag("span", text(kind)), *(button(word, "say", "word", word=word) for word in known))
        for kind, known in offer.words.items()
    )
    return tag("div", tag("p", "All the words it knows; press one to say it:", class_="quiet"), *rows, class_="words")


def making(found: Creation) -> str:
    """One clear line on what is going on, with a picture of what is forming; "" where nothing is."""
    if found.state == "queued":
        ahead = {0: "It is next.", 1: "One job is before it."}.get(found.place, f"{found.place} jobs are before it.")
        return tag("div", tag("h4", "Waiting in line"), tag("p", ahead), class_="progress")
    if found.state == "failed":
        return note(found.error, "bad") + note(found.outdated if found.outdated != found.error else "")
    if found.state == "stopped":
        return note("Stopped. What is finished stays.") + note(found.outdated)
    if found.state != "running":
        return note(found.outdated)
    last, there = found.progress, sum(one.made or bool(one.error) for one in found.candidates)
    stage, step, steps = str(last.get("stage") or ""), int(last.get("step") or 0), int(last.get("steps") or 0)
    inner = steps and stage not in ("candidates", "extend")
    left = last.get("seconds_left")
    head = STAGES.get(stage, "Starting")
    if there < len(found.candidates):
        head += f": candidate {there + 1} of {len(found.candidates)}"
    how_far = [f"step {step} of {steps}", f"{duration(left)} left" if left is not None else ""] if inner else []
    told = str(last.get("message") or "") if stage not in NAMED else ""
    details = [*how_far, told]
    picture = tag("img", src=file_urls(found.id) + found.preview, alt="The video as it forms", class_="forming")
    return tag(
        "div",
        tag("h4", text(head)),
        tag("p", text(" · ".join(filter(None, details))), class_="quiet"),
        tag(
            "div",
            tag("i", style=f"width:{100 * step / steps if inner else 0:.0f}%"),
            class_="bar" if inner else "bar unsure",
        ),
        picture if found.preview and there < len(found.candidates) else "",
        class_="progress",
    )


def gallery(found: Creation) -> str:
    """All candidates, those that are there best first, then the others, and what can be done about all of them."""
    there = [one for one in found.candidates if one.made]
    best = best_of(there)
    cards = [card(found, one, best=one.number == best) for one in there]
    others = [one for one in found.candidates if not one.made]
    cards += [small_card(one) for one in sorted(others, key=lambda one: (not one.error, one.number))]
    waiting = sum(not one.error for one in others)
    rest = tag("p", text(f"{waiting} more to come."), class_="quiet") if waiting else ""
    back = button("Undo discard", "restore") if found.discarded is not None else ""
    more = (button("One more", "more"), button("Replace all but the kept ones", "renew")) if there else ()
    links = tag("div", *more, back, class_="links")
    return tag("div", tag("div", *cards, class_="candidates"), rest, links, class_="made-of-prompt")


def card(found: Creation, one: Candidate, best: bool) -> str:
    """One candidate: the video playing, its score in words, and what can be done with it."""
    role, own = found.wishes.role, {"number": one.number}
    video = tag(
        "video",
        src=file_urls(found.id) + one.file,
        autoplay=True,
        loop=True,
        muted=True,
        playsinline=True,
        aria_label=f"Candidate {one.number}",
        data_fps=one.fps,
    )
    about = "Too little can be seen in it for a score" if one.total is None else "Score of 100; you decide"
    mark = tag("span", text(score(one)), class_="score", title=about)
    head = tag("p", tag("b", text(title(one))), tag("em", "best score") if best else "", mark, class_="what")
    reasons = tag("ul", *(tag("li", text(reason)) for reason in one.reasons[:TOLD]))
    others = tag("ul", *(tag("li", text(reason)) for reason in one.reasons[TOLD:]))
    why = tag("details", tag("summary", "All reasons"), others) if one.reasons[TOLD:] else ""
    actions = [
        button("Keep" if not one.kept else "Kept", "unkeep" if one.kept else "keep", "quiet" + " on" * one.kept, **own),
        button("Again", "again", "quiet", **own) if one.way != "own" else "",
        button("Discard", "discard", "quiet danger", **own),
        button("Use its settings", "use", "quiet", **own) if one.way != "own" else "",
    ]
    return tag(
        "div",
        video,
        head,
        gauge(one) if role == "freeze" else "",
        reasons,
        why,
        cutter(one),
        sides(one) if role == "freeze" else "",
        tag("div", button("Take this one", "pick", "pick", **own), *actions, class_="actions"),
        class_="candidate" + " kept" * one.kept,
        data_form=one.number,
    )


def small_card(one: Candidate) -> str:
    """A candidate that is not there: still to be made, or why it could not be and what can be done about it."""
    own = {"number": one.number}
    actions = [
        button("Try again", "retry", **own) if one.error else "",
        button("Another seed", "again", "quiet", **own) if one.error and one.way == "model" else "",
        button("Discard", "discard", "quiet danger", **own),
    ]
    return tag(
        "div",
        tag("p", tag("b", text(title(one))), tag("em", "not made yet" if not one.error else ""), class_="what"),
        note(one.error, "bad"),
        tag("div", *actions, class_="actions"),
        class_="candidate-to-be",
    )


def gauge(one: Candidate) -> str:
    """How far the camera goes around, of a whole circle: the paper goes 180 degrees."""
    if one.degrees is None:
        return tag("p", "How far it goes around is being found out.", class_="quiet")
    share = min(max(one.degrees / 360, 0.0), 1.0)
    ring = tag(
        "i",
        class_="arc",
        style=f"--share:{100 * share:.1f}%",
        role="img",
        aria_label=f"{one.degrees:.0f} of 360 degrees",
    )
    return tag("p", ring, text(f"{one.degrees:.0f}° around"), class_="gauge")


def sides(one: Candidate) -> str:
    """Buttons that add frames before the start or after the end."""
    buttons = (button(f"Extend {side}", side, number=one.number) for side in ("left", "right"))
    return tag("div", *buttons, class_="links")


def cutter(one: Candidate) -> str:
    """First and last frame to keep, and playing it backwards; each makes one more candidate."""
    last = one.frames - 1
    ends = [
        tag(
            "label",
            tag("span", text(label), " ", tag("output", str(value))),
            tag(
                "input",
                type="range",
                min=0,
                max=last,
                step=1,
                value=value,
                data_field=field,
                data_seek=True,
                aria_label=f"{label} frame",
            ),
        )
        for label, field, value in (("First", "first", 0), ("Last", "last", last))
    ]
    buttons = (
        button(label, action, number=one.number)
        for label, action in (("Keep only this part", "cut"), ("Reverse", "reverse"))
    )
    return tag(
        "details",
        tag("summary", "Cut or reverse"),
        tag("div", *ends, class_="scrub ends"),
        tag("div", *buttons, class_="links"),
    )
