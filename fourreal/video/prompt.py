"""From the prompt of the reference video to that of the freeze-time video, by rule (4Real app. A).

The paper puts "Camera circulating around" before and "time elapse" after it and leaves the action verbs out. Which
words those are is guessed here without a language model, so the result is always shown to be edited.
"""

import re

from fourreal.video import words

PREFIX, SUFFIX = "Camera circulating around", "time elapse"
NEGATIVE = (
    "moving subject, motion, walking, talking, blinking, wind, flickering, static camera, cut, blurry, distorted, "
    "deformed, low quality, watermark, text"
)
REFERENCE_NEGATIVE = "moving camera, zoom, pan, shaking, cut, blurry, distorted, deformed, low quality, watermark, text"

_KIND = re.compile(r"^(an? )?(\w+ )?(photo|photograph|video|shot|footage|clip|picture|film) (of|showing) ", re.I)
_WORD = re.compile(rf"[\w'’-]+|[,;:()\"]|{words.EMOJI}")
_PICTURE = re.compile(words.EMOJI)


def freeze_prompt(prompt: str, prefix: str = PREFIX, suffix: str = SUFFIX) -> str:
    """The prompt of a freeze-time video: `prompt` without its actions, between `prefix` and `suffix`."""
    still = without_actions(prompt)
    lowered = _lowered(still) if prefix and not _keeps_capital(still) else still
    return ", ".join(part for part in (f"{prefix} {lowered}".strip(), suffix) if part)


def without_actions(prompt: str) -> str:
    """`prompt` as it would describe a photograph: who and where, with what.

    Unchanged where nothing would be left, or where it is not English, of which alone the verbs are known.
    """
    if _is_foreign(prompt):
        return prompt.strip().rstrip(".。")
    sentences = [part.strip() for part in re.split(r"[.!?\n]+", _KIND.sub("", prompt.strip())) if part.strip()]
    phrases = []
    for number, sentence in enumerate(sentences):
        tokens = _WORD.findall(sentence)
        if number and tokens and tokens[0].lower() in words.PRONOUNS and not _Sentence(tokens).is_still():
            continue  # what "it" does next
        phrases.append(_tidied(_Sentence(tokens).rewritten()))
    out = ", ".join(_lowered(part) if number else part for number, part in enumerate(filter(None, phrases)))
    return out if len(out.split()) > 1 or len(prompt.split()) < 2 else prompt.strip().rstrip(".")


def _is_foreign(prompt: str) -> bool:
    """Whether a prompt has more of other languages, or of letters that English has not, than of English."""
    tokens = re.findall(r"[^\W\d_]+", prompt.lower())
    english = sum(word in words.ENGLISH for word in tokens)
    return sum(word in words.FOREIGN or not word.isascii() for word in tokens) > english


def _keeps_capital(text: str) -> bool:
    """Whether the first word may need its capital: in German any noun does."""
    return _is_foreign(text) and text.split()[0].lower() not in words.FOREIGN


def _lowered(text: str) -> str:
    """Without a capital at the start, unless it is a name's of several."""
    return text if re.match(r"[A-Z]{2}|I\b", text) else text[:1].lower() + text[1:]


def _tidied(tokens: list[str]) -> str:
    text = re.sub(r"\s+([,;:)])", r"\1", " ".join(tokens))
    text = re.sub(r"\b(with|on|in|near|facing|and) (?=(with|on|in|near|facing|and|beside|at|under|behind)\b)", "", text)
    text = re.sub(r" (on|at|to|into|onto) (each other|one another)\b", "", text)
    text = re.sub(r"([,;:])(\s*[,;:])+", r"\1", text)
    text = re.sub(r"\s+(and|with|in|on|near|facing|or)(?=[,;:]|$)", "", text)
    return re.sub(r"\s+", " ", text).strip(" ,;:")


class _Sentence:
    """One sentence on its way through the rules."""

    def __init__(self, tokens: list[str]):
        self.tokens = tokens
        self.lower = [token.lower() for token in tokens]
        self.out: list[str] = []

    def is_still(self) -> bool:
        return not any(self._action(index) for index in range(len(self.tokens)))

    def rewritten(self) -> list[str]:
        index, dropped = 0, False
        while index < len(self.tokens):
            word = self.lower[index]
            if word in words.CLAUSES and index and self._starts_clause(index):
                index = index + 1 if self._at(index + 1) in words.STILL else self._comma(index)
            elif self._auxiliary(index):
                index += 1
            elif self._attributive(index):
                index += 0 if self._keeps(index) else 1
                if index < len(self.tokens):
                    self.out.append(self.tokens[index])
                    index += 1
            elif self._action(index, dropped):
                index, dropped = self._drop(index), True
            else:
                moved = dropped and word in words.MOVING_PLACES
                self.out.append(words.PLACES[word] if moved else self.tokens[index])
                dropped = dropped and word not in ",;:"
                index += 1
        return self.out

    # --- What a word is -----------------------------------------------------------------------------------------

    def _at(self, index: int) -> str:
        return self.lower[index] if 0 <= index < len(self.lower) else ""

    def _nounish(self, index: int) -> bool:
        """Whether a noun could end here, so that a verb may follow."""
        word = self._at(index)
        modifiers = words.DETERMINERS | words.ADJECTIVES | words.CLAUSES
        return bool(word) and (word[0].isalnum() or bool(_PICTURE.match(word))) and word not in modifiers

    def _attributive(self, index: int) -> bool:
        """An -ing word before a noun: "a running man", "the swimming pool"."""
        word, following = self._at(index), self._at(index + 1)
        if not word.endswith("ing") or word in words.THINGS or words.base_of(word) is None:
            return False
        before = self._at(index - 1)
        free = not before or before in words.ADJECTIVES or (before in words.DETERMINERS and before not in {"and", "or"})
        ends = not following[:1].isalnum() or following in words.DETERMINERS or following in words.PLACES
        return free and not ends and not following.endswith("ly")

    def _keeps(self, index: int) -> bool:
        return self._at(index + 1) in words.COMPOUNDS or self._at(index) in words.STILL

    def _action(self, index: int, dropped: bool = False) -> bool:
        word, before = self._at(index), self._at(index - 1)
        if word.endswith("ing"):
            if len(word) < 5 or word in words.THINGS or word in words.STILL:
                return False
            return (self._nounish(index - 1) or before in {"", ",", "and", "or"}) and "-" not in word
        if before == "to" and self._at(index - 2) in words.STARTERS:
            return True
        if word in words.PAST:
            return self._nounish(index - 1)
        if words.base_of(word) is None:
            return False
        if dropped and before in {"and", "or", ",", "then"} and (word.endswith("s") or self._bare_follows_bare(index)):
            return self._at(index + 1) not in words.ACTIONS
        if not self._nounish(index - 1):
            return before in words.PRONOUNS - {"that"}
        plural = (before.endswith("s") and not before.endswith("ss")) or before in words.PLURALS
        # "cats fight", "a cat fights"; but "two drinks", "a tennis court"
        return word.endswith("s") != plural or (plural and word in words.ACTIONS)

    def _bare_follows_bare(self, index: int) -> bool:
        return self._at(index) in words.ACTIONS and bool(self.out) and self.out[-1].lower() in {"and", "or", "then"}

    def _auxiliary(self, index: int) -> bool:
        """ "is" of "is eating", "starts to" of "starts to run": goes with its verb."""
        word, following = self._at(index), self._at(index + 1)
        if word in words.STARTERS:
            return index > 0 and (following == "to" or following.endswith("ing"))
        if word == "to":
            return self._at(index - 1) in words.STARTERS and words.base_of(following) is not None
        if word not in words.AUXILIARIES:
            return False
        after = next((self._at(n) for n in range(index + 1, len(self.lower)) if not self._at(n).endswith("ly")), "")
        return (after.endswith("ing") and after not in words.THINGS) or after in words.AUXILIARIES | words.STARTERS

    def _starts_clause(self, index: int) -> bool:
        return self._at(index) != "as" or self._at(index + 1) in words.PRONOUNS | {"the", "a", "if", "though"}

    def _comma(self, index: int) -> int:
        return next((n for n in range(index, len(self.tokens)) if self.tokens[n] in ",;:"), len(self.tokens))

    # --- Leaving one out ----------------------------------------------------------------------------------------

    def _drop(self, index: int) -> int:
        """Leaves out the action at `index` and what belongs to it alone; where to go on."""
        base = words.base_of(self._at(index)) or ""
        joints = {"and", "or", "then", "that", "which", "who"}
        while self.out and (self.out[-1].lower() in joints or self.out[-1].lower().endswith("ly")):
            self.out.pop()
        index += 1
        if base in words.WITH_PARTICLE and self._at(index) in words.EITHER:
            index += 1
        index = self._past_manner(index)
        if self._at(index) in {"it", "them", "him"}:
            index = self._past_manner(index + 1)
        if (self._at(index), self._at(index + 1)) in words.RECIPROCAL:
            index = self._past_manner(index + 2)
        if self._at(index) in words.REFLEXIVE:
            index = self._past_manner(index + 1)
        following = self._at(index)
        if not following or not following[0].isalnum() or following in {"and", "or", "then", "with", "to", "for", "of"}:
            return self._after_link(index, following)
        if following in words.PLACES:
            if (following, self._at(index + 1)) in {("out", "of"), ("away", "from"), ("up", "to"), ("off", "of")}:
                index += 1
            self.out.append(words.PLACES[following])
            return index + 1
        if following in words.CLAUSES or following in words.AUXILIARIES or self._action(index, dropped=True):
            return index
        if following in words.POSSESSIVES and base in words.GESTURES:
            index += 1
            while self._at(index) in words.ADJECTIVES:
                index += 1
            return index + 1
        if self.out and self.out[-1] not in ",;:":
            self.out.append(words.LINKS.get(base, "with"))
        return index

    def _after_link(self, index: int, following: str) -> int:
        if following not in {"to", "for", "of"}:
            return index
        if following == "to" and words.base_of(self._at(index + 1)) and self._at(index + 1) in words.ACTIONS:
            return self._drop(index + 1)
        self.out.append("near" if following == "to" and self._at(index + 1) != "music" else "with")
        return index + 1

    def _past_manner(self, index: int) -> int:
        while index < len(self.tokens):
            word, following = self._at(index), self._at(index + 1)
            alone = not following[:1].isalnum() or following in {"and", "or", "with", "while", "as", "in", "on"}
            here = word in words.MANNER and (word not in words.EITHER or alone)
            if here or (word.endswith("ly") and len(word) > 4):
                index += 1
            elif word == "and" and following in words.EITHER and self._at(index - 1) in words.EITHER:
                index += 2  # "up and down"
            else:
                break
        return index
