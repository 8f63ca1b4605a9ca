"""Trained weights into the folder that comes along: python -m research.mini.publish --network DIR --upsampler DIR

DIR is what `train` and `train_upsampler` wrote to. Written at two bytes a number, with checksums.
"""

import argparse
from pathlib import Path

from fourreal.video.mini import loading
from fourreal.video.mini.network import MiniNetwork
from fourreal.video.mini.upsampler import Upsampler
from fourreal.video.registry import EMBEDDED, entry


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m research.mini.publish")
    parser.add_argument("--network", type=Path, required=True, metavar="DIR", help="of the network's training")
    parser.add_argument("--upsampler", type=Path, required=True, metavar="DIR", help="of the upsampler's training")
    parser.add_argument("--out", type=Path, default=entry(EMBEDDED).shipped, help="(default: %(default)s)")
    given = parser.parse_args()
    network = MiniNetwork.from_pretrained(given.network / "weights", use_safetensors=True, local_files_only=True)
    upsampler = Upsampler.from_pretrained(given.upsampler / "upsampler", use_safetensors=True, local_files_only=True)
    loading.save(given.out, network, upsampler)
    print(f"{given.out}: {loading.checked(given.out)}")


if __name__ == "__main__":
    main()
