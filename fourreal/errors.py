"""What can go wrong that a person can act on. Anything else is a bug and keeps its traceback."""

import errno
from pathlib import Path


def of(name: str, sentence: str) -> str:
    """A sentence about something, after its name: "The reference video: it is cut." """
    return f"{name}: {sentence[:1].lower()}{sentence[1:]}"


class UserError(Exception):
    """A problem that a person caused or can mend. The message says what is wrong *and* what to do.

    The command line prints the message alone and exits with code 2; the page shows it as it is.
    option: what else the command line says, of an option that does what is asked for.
    """

    def __init__(self, message: str = "", option: str = "") -> None:
        super().__init__(message)
        self.option = option


class Unusable(UserError):
    """Videos or cameras that cannot serve as they are: the same ones again come to the same end.

    cut: where a hard cut is the reason, the file and the first and the last frame of its longest part.
    """

    def __init__(self, message: str, option: str = "", cut: tuple[Path, int, int] | None = None) -> None:
        super().__init__(message, option)
        self.cut = cut


class MemoryRanOut(UserError):
    """There was too little memory for what was asked; for less of it there may be enough."""


def memory_ran_out(error: Exception) -> bool:
    """Whether an error says that there was too little memory, of the machine or of its graphics card.

    Torch has a class of its own for the card, which is loaded by those alone who use it, and none for the machine.
    """
    return (
        isinstance(error, MemoryRanOut | MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "DefaultCPUAllocator" in str(error)
    )


def out_of_space(error: BaseException | None) -> bool:
    """Whether a full disk, a quota or a file size limit is at the bottom of an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__ or error.__context__
    return False


class Cancelled(Exception):
    """The person asked the work to stop. Finished artifacts and checkpoints stay on disk."""
