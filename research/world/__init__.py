"""Procedural scenes, seen exactly from anywhere at any time: ground truth, and training material."""
