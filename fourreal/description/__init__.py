"""What a person may ask for, once: each option a field with its range, its default and its words."""

from fourreal.description.base import Description, about, among, as_far_as_valid, described, option
from fourreal.description.creation import ROLES, Chain, Several, StoredWishes, Wishes, adapters
from fourreal.description.reconstruction import (
    ABLATIONS,
    DEVICES,
    LARGEST_SEED,
    PRESETS,
    Fitting,
    Options,
    critic_options,
    usual_preset,
)

__all__ = [
    "ABLATIONS",
    "DEVICES",
    "LARGEST_SEED",
    "PRESETS",
    "ROLES",
    "Chain",
    "Description",
    "Fitting",
    "Options",
    "Several",
    "StoredWishes",
    "Wishes",
    "about",
    "adapters",
    "among",
    "as_far_as_valid",
    "critic_options",
    "described",
    "option",
    "usual_preset",
]
