"""Gaussian splats: the value, how it is drawn, bent and grown."""
