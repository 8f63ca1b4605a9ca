"""What made and judged the product and is not part of it: procedural worlds, the embedded model's training, an oracle.

It stands on `fourreal`, which knows nothing of it and is shipped without it.
"""
