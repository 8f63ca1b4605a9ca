"""The paper's Table 1."""

BASELINES = ("4Dfy", "Dream-in-4D", "AYG")
OURS = "4Real"

# By the figure's name (see `judge.offers`): 4Real and each of `BASELINES` on the prompts that both were given.
TABLE1 = {
    "xclip": ((24.23, 20.03), (24.77, 19.52), (23.09, 19.87)),
    "visual_quality": ((2.43, 1.43), (2.41, 1.34), (2.44, 2.49)),
    "temporal_consistency": ((2.17, 1.49), (2.15, 1.37), (2.16, 2.09)),
    "dynamic_degree": ((3.15, 3.05), (3.14, 3.02), (3.16, 3.15)),
    "text_alignment": ((2.91, 2.26), (2.89, 2.27), (2.90, 2.80)),
    "factual_consistency": ((2.49, 1.30), (2.46, 1.20), (2.50, 2.47)),
}


def baseline_of(method: str) -> str | None:
    """The paper's name for a method by any spelling of it ("dream_in_4d"), None for others."""
    plain = lambda name: "".join(letter for letter in name.lower() if letter.isalnum())
    return {plain(name): name for name in BASELINES}.get(plain(method))
