"""The command line as benchmarks call it, in a process of its own."""

import sys


def reconstruct_command(*inputs: str, **options: object) -> list[str]:
    """`fourreal reconstruct` with these words, and options by their names."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, "-m", "fourreal", "reconstruct", *inputs, *words]
