"""Which device computes."""

from fourreal.errors import UserError


def pick_device(name: str) -> str:
    """ "cuda" or "cpu" for "auto", "cuda" or "cpu". Raises UserError where CUDA is asked for and not there."""
    import torch  # takes a second, and most of what stands here needs none of it

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA device here: leave --device out, or say --device cpu.")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"
