"""An open implementation of 4Real (Yu et al., NeurIPS 2024): two videos in, a dynamic 3D scene out."""

__version__ = "0.1.0"
