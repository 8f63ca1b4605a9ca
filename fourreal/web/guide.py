"""What to film, in three drawings of our own."""

from fourreal.web.markup import tag, text

PERSON = '<circle cx="{x}" cy="{y}" r="7"/><path d="M{x} {b}v22m0 0l-8 18m8-18l8 18m-20-30l12-6 12 6" class="line"/>'
PHONE = '<rect x="{x}" y="{y}" width="11" height="19" rx="2.5" class="phone"/>'
WALK = (
    PERSON.format(x=80, y=34, b=41)
    + '<path d="M22 62a58 34 0 0 0 116 0" class="path"/><path d="M132 70l6-9 7 8" class="path tip"/>'
    + PHONE.format(x=16, y=42)
    + PHONE.format(x=75, y=94)
    + PHONE.format(x=133, y=38)
)
PUT = (
    PERSON.format(x=112, y=34, b=41)
    + '<path d="M22 104v-34h28v34M16 70h40" class="line"/>'
    + PHONE.format(x=31, y=50)
    + '<path d="M48 56l44-10M48 62l44 12" class="sight"/>'
)
MOVE = (
    PERSON.format(x=108, y=34, b=41)
    + '<path d="M22 104v-34h28v34M16 70h40" class="line"/>'
    + PHONE.format(x=31, y=50)
    + '<path d="M84 40q-8 12 0 24M132 40q8 12 0 24" class="path"/>'
)
STEPS = (
    (
        WALK,
        "Ask the subject to hold still. Walk half a circle around it, without haste.",
        "A person holds still while a phone is carried around them in half a circle.",
    ),
    (PUT, "Put the phone on something.", "The phone stands on a table and looks at the person."),
    (MOVE, "Now let it move.", "The phone stands still while the person moves."),
)


def guide() -> str:
    """The three steps, each a drawing and a sentence."""
    steps = [
        tag("li", drawing(inside, title, number), tag("span", text(sentence)))
        for number, (inside, sentence, title) in enumerate(STEPS, start=1)
    ]
    return tag(
        "div",
        tag("ol", *steps, class_="steps"),
        tag("p", "Step 1 gives the freeze-time video, steps 2 and 3 give the reference video.", class_="quiet"),
        class_="guide",
    )


def drawing(inside: str, title: str, number: int) -> str:
    name = f"guide-{number}"
    said = tag("title", text(title), id=name)
    return tag("svg", said, inside, viewBox="0 0 160 120", role="img", aria_labelledby=name)
