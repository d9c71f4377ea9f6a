"""Handwritten digits on several processes: ``mpiexec -n 2 python -m gradcore.examples.distributed_digits``.

Each process takes its part of every batch of 32, so the result does not depend on the number of processes.
"""

from __future__ import annotations

import argparse
import sys
from typing import Sequence

import gradcore
from gradcore import distributed, nn, optim, utils
from gradcore.data import load_digits
from gradcore.functions import cross_entropy
from gradcore.nn.parallel import DistributedDataParallel
from gradcore.utils.data import DataLoader, DistributedSampler, TensorDataset

EPOCHS, BATCH = 15, 32


def train(epochs: int, device: gradcore.Device) -> float:
    """Train on all processes together; returns the test accuracy."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    digits = load_digits(device=device)
    samples = TensorDataset(digits.x_train, digits.y_train)
    sampler = DistributedSampler(samples)
    loader = DataLoader(samples, batch_size=max(1, BATCH // size), sampler=sampler)
    layers = nn.Sequential(nn.Neuron(64, 64, activation="swish"), nn.Linear(64, 10)).to(device)
    model = DistributedDataParallel(layers)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in utils.progress(range(epochs), f"digits on {size} processes", disable=rank > 0):
        sampler.set_epoch(epoch)
        for x, y in loader:
            loss = cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    with gradcore.no_grad():
        right = (model(digits.x_test[rank::size]).argmax(dim=1) == digits.y_test[rank::size]).sum()
    distributed.all_reduce(right)
    return float(right.item() / len(digits.x_test))


def main(argv: Sequence[str]) -> None:
    """Join the processes, train, and let rank 0 print the result."""
    parser = argparse.ArgumentParser(prog="mpiexec -n 2 python -m gradcore.examples.distributed_digits")
    parser.add_argument("--device", default="auto", help='"cpu", "cuda", or "auto", which chooses (the default)')
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="passes over the digits (default: %(default)s)")
    asked = parser.parse_args(argv)
    distributed.init_process_group(device=asked.device)
    gradcore.manual_seed(0)
    share = train(asked.epochs, gradcore.default_device())
    if distributed.get_rank() == 0:
        print(f"{distributed.get_world_size()} process(es) read {share:.1%} of the digits that they have not seen, "
              f"after {asked.epochs} epochs")


if __name__ == "__main__":
    main(sys.argv[1:])
