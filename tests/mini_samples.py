"""What the tests of the embedded model ask it, and a smaller one."""

import torch

from fourreal.video.mini.network import MiniNetwork

WORDS, FROZEN = "a red ball bouncing", "Camera circulating around a red ball, time elapse"


def small_network() -> MiniNetwork:
    """With random last layers, so that what goes in is seen in what comes out."""
    torch.manual_seed(0)
    network = MiniNetwork(widths=(8, 16), depth=1, head=8, condition=16)
    for name, parameter in network.named_parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1 if name.endswith("weight") else 0.01)
    return network
