# SPDX-License-Identifier: Apache-2.0
"""Mix a trained embedder's weights with those its training began from.

    python -m tools.mix_embedder --work WORK --name NAME --share 0.7 --out MIXED

Fine-tuning gains on what it sees and forgets some of what it does not; the straight line between
both sets of weights holds better models than either end (WiSE-FT, Wortsman et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tools.embedder_net import EmbedderNet
from tools.instances import Instances
from tools.lite0 import pretrained
from tools.train_embedder import start


def mix(work: Path, name: str, share: float, out: str) -> None:
    """Write WORK/`out`.pt: `share` of the checkpoint's averaged weights, the rest from before."""
    trained = torch.load(work / f"{name}.pt", weights_only=True)
    dim = int(trained["average"]["projection.bias"].shape[0])
    begun = EmbedderNet(pretrained(), start(Instances.load(work / "instances.npz"), dim), 16)
    mixed = {
        key: torch.lerp(old, trained["average"][key], share)
        for key, old in begun.state_dict().items()
    }
    torch.save({"average": mixed, "mixed": [name, share]}, work / f"{out}.pt")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", required=True, help="a checkpoint of tools.train_embedder")
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    mix(args.work, args.name, args.share, args.out)


if __name__ == "__main__":
    main()
