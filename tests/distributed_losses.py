"""Trains the same network on any number of processes: `mpiexec -n 2 python tests/distributed_losses.py FOLDER ...`.

Each process writes the loss of every step, of the whole batch, and its parameters at the end.  With a step and a file
it begins there: `... FOLDER 10 checkpoint.npz`; it leaves a checkpoint of half of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import gradcore
from gradcore import Tensor, distributed, nn, optim
from gradcore.functions import cross_entropy
from gradcore.nn.parallel import DistributedDataParallel
from gradcore.optim import ZeroRedundancyOptimizer

STEPS, SAMPLES = 20, 16


def main(folder: Path, begin: int = 0, checkpoint: str = "") -> None:
    distributed.init_process_group()
    rank, size = distributed.get_rank(), distributed.get_world_size()
    gradcore.manual_seed(0)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 3)), bucket_cap_mb=1e-4)
    optimizer = ZeroRedundancyOptimizer(model.parameters(), optim.Adam, lr=3e-3)
    if checkpoint:
        state = distributed.load_checkpoint(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    losses = []
    for step in range(begin, STEPS):
        if step == STEPS // 2:
            optimizer.consolidate_state_dict()
            state = {} if rank else {"model": model.state_dict(unwrapped=True), "optimizer": optimizer.state_dict()}
            distributed.save_checkpoint(state, folder / "checkpoint.npz")
        rng = np.random.default_rng(step)
        x = rng.standard_normal((SAMPLES, 6)).astype("float32")
        y = x[:, :3].argmax(1)
        loss = cross_entropy(model(Tensor(x[rank::size])), gradcore.tensor(y[rank::size]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        whole = loss.detach().clone()
        distributed.all_reduce(whole, "mean")
        losses.append(whole.item())
    weights = [parameter.numpy().tobytes().hex() for parameter in model.parameters()]
    (folder / f"{rank}.json").write_text(json.dumps({"losses": losses, "weights": weights}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]), *sys.argv[3:])
