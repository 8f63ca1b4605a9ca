"""Cameras: the value, paths for it, how it is found from a video."""
