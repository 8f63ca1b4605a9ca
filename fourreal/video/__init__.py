"""Video models: what they can do, how they are loaded, asked and judged. Nothing here is loaded at the start."""
