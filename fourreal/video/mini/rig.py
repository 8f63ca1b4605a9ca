"""The frame in which the embedded model is told of cameras, and the features of a pixel's ray in it.

Whatever frame cameras come in, they are brought to one: z points up, the first camera looks along +y at the origin from
a distance of one. So the floor is where it was in training, and a ray says where it meets it.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras, invert_rigid
from fourreal.camera.layout import scene_centre, world_up
from fourreal.camera.rays import pixel_rays
from fourreal.camera.trajectory import look_at

FEATURES = 12
ELEVATION = 16.0  # degrees, of a camera that stands still: nothing tells how far down it looks
FLOOR = -0.42 / 3.0  # height of the floor, in distances of the camera: that of the procedural worlds
_TURNING = 0.05  # radians between viewing directions from which on cameras say how they go around
_ELEVATIONS = (0.0, 45.0)


def turning(cameras: Cameras) -> float:
    """The largest angle in radians between the first viewing direction and another."""
    cosine = (cameras.forward @ cameras.forward[0]).clamp(-1, 1)
    return float(cosine.min().acos())


def on_rig(cameras: Cameras) -> Float[Tensor, "F 4 4"]:
    """Camera to the model's frame, for each camera.

    Where they go around, what they go around and which way is up follow from them; cameras that hardly turn are taken
    to look down as those of the procedural worlds do, and by their own distances at a centre one unit ahead.
    """
    poses = cameras.camera_to_world.double()
    first = poses[0]
    down, distance = math.radians(ELEVATION), 1.0
    if turning(cameras) > _TURNING:
        up = world_up(cameras).double()
        sine = float((up @ -first[:3, 2]).clamp(-1, 1))
        down = math.radians(min(max(math.degrees(math.asin(sine)), _ELEVATIONS[0]), _ELEVATIONS[1]))
        ahead = float((scene_centre(cameras).double() - first[:3, 3]) @ first[:3, 2])
        distance = ahead if ahead > 1e-3 else 1.0
    relative = invert_rigid(first) @ poses
    relative[:, :3, 3] /= distance
    place = torch.tensor([0.0, -math.cos(down), math.sin(down)], dtype=torch.float64, device=poses.device)
    up = place.new_tensor([0.0, 0.0, 1.0])
    own = invert_rigid(look_at(place[None], torch.zeros_like(place), up).double())[0]
    return (own @ relative).float()


def ray_features(
    poses: Float[Tensor, "*B F 4 4"], intrinsics: Float[Tensor, "*B 4"], size: tuple[int, int]
) -> Float[Tensor, "*B F 12 h w"]:
    """What is known of every pixel before it is seen, for pictures of `size` = (width, height), of one clip or several.

    poses: as `on_rig` gives them. Direction, moment (Plücker), place of the camera, where the ray meets the floor
    (drawn in, the more the further away), and whether it does.
    """
    width, height = size
    rays = pixel_rays(intrinsics.to(poses), width, height)[..., None, :, :]
    direction = torch.nn.functional.normalize(rays @ poses[..., :3, :3].transpose(-1, -2), dim=-1)  # (*B, F, P, 3)
    origin = poses[..., None, :3, 3].expand_as(direction)
    below = direction[..., 2:] < -1e-3
    meets = (origin + (FLOOR - origin[..., 2:]) / direction[..., 2:].clamp(max=-1e-3) * direction)[..., :2]
    meets = torch.where(below, 2 * meets / (1 + meets.norm(dim=-1, keepdim=True)), 0.0)
    moment = torch.linalg.cross(origin, direction)
    features = torch.cat([direction, moment, origin, meets, below.to(direction)], dim=-1)
    return features.transpose(-1, -2).unflatten(-1, (height, width))
