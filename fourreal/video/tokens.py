"""How much of a prompt a model reads: known from its tokenizer alone, before the rest of its weights is loaded."""

from collections.abc import Iterable
from pathlib import Path

from fourreal.errors import UserError


def check_tokens(tokenizer, prompt: str, most: int) -> None:
    """Raise UserError where a prompt is more than `most` pieces of words to a tokenizer of transformers."""
    count = len(tokenizer(prompt).input_ids)
    if count > most:
        raise UserError(
            f"The prompt is too long: the model reads {most} pieces of words, and it has {count}. Leave out about "
            f"{1 - most / count:.0%} of it."
        )


def check_prompts(folder: Path, prompts: Iterable[str], most: int) -> None:
    """The same with the tokenizer of a folder of weights; of one without a tokenizer nothing is known."""
    if not (folder / "tokenizer").is_dir():
        return
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder / "tokenizer"), local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError):  # loading the model says what is wrong with it
        return
    for prompt in prompts:
        check_tokens(tokenizer, prompt, most)
