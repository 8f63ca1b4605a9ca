"""Which device computes."""

from fourreal.errors import UserError


def pick_device(name: str | None) -> str:
    """The device of that name; for "auto" and None the graphics card where there is one, else the CPU.

    Raises UserError where CUDA is asked for and not there.
    """
    import torch  # takes a second, and most of what stands here needs none of it

    there = torch.cuda.is_available()
    if name is None or name == "auto":
        return "cuda" if there else "cpu"
    if name.startswith("cuda") and not there:
        raise UserError("There is no CUDA device here. Leave the device out, or say cpu.", "--device cpu does so.")
    return name
