"""What raters are asked, and what the paper was answered."""

# By name, in the paper's order. The last one shows the prompt, and is left out of a pair that has none.
QUESTIONS = {
    "motion": "In which one is the motion more realistic?",
    "foreground": "In which one does the main subject look more like a real photo?",
    "background": "In which one does the background look more like a real photo?",
    "shape": "In which one do things have more realistic shapes?",
    "general": "Which one is more realistic, all in all?",
    "dynamic": "Which one is more dynamic: in which one does more happen?",
    "text": "Which one shows better what this text says?",
}
TEXT = "text"
TITLES = {
    "motion": "Motion realism",
    "foreground": "Foreground photo-realism",
    "background": "Background photo-realism",
    "shape": "Shape realism",
    "general": "General realism",
    "dynamic": "More dynamic",
    "text": "Video-text alignment",
}

# How often 4Real was preferred, in percent (fig. 6), by the method that it was compared with.
PAPER = {"4Dfy": (77.1, 73.3, 75.6, 70.2, 76.3, 69.4, 76.7), "Dream-in-4D": (74.3, 71.2, 75.5, 69.0, 73.3, 66.9, 73.8)}


def questions_of(prompt: str) -> tuple[str, ...]:
    """The questions about a pair."""
    return tuple(name for name in QUESTIONS if name != TEXT or prompt)


def paper_share(method: str, question: str) -> float | None:
    """The paper's percentage for a method by any spelling of its name ("4dfy", "dream_in_4d"), None for others."""
    plain = lambda name: "".join(letter for letter in name.lower() if letter.isalnum())
    row = {plain(name): shares for name, shares in PAPER.items()}.get(plain(method))
    return None if row is None else row[list(QUESTIONS).index(question)]
