"""Fitting: a canonical scene from the freeze-time video, its motion from the reference video."""
