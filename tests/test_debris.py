"""What hangs in front of a few cameras is debris; what many see, or what is far, is not."""

import torch
from fit_samples import arc

from fourreal.fit.debris import debris


def test_only_what_is_near_a_camera_and_rarely_seen(device):
    cameras = arc(33, 150.0).to(device)
    centre, forward = cameras.centres, cameras.forward
    before_each = centre + 0.15 * forward  # right in front of one camera
    on_the_subject = torch.zeros(5, 3, device=device)
    far_aside = 8.0 * forward[:3] + torch.tensor([0.0, 2.0, 0.0], device=device)  # hardly seen, but far
    flagged = debris(torch.cat([before_each, on_the_subject, far_aside]), cameras)
    assert float(flagged[:33].float().mean()) > 0.5
    assert not bool(flagged[33:].any())
