"""An open implementation of 4Real (Yu et al., NeurIPS 2024): two videos in, a dynamic 3D scene out."""

import os

__version__ = "0.1.0"

# The threads under torch's operations poll for each other. Beside another busy program, such as a browser that shows
# the page, that made operations take nine times as long; asleep they cost 0.03 ms each. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
