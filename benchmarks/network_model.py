"""How long a training step takes on many processes: a model of two numbers, latency and bandwidth.

Messages take `latency + bytes / bandwidth` seconds.  An all_reduce of n bytes between p processes is the quicker of

    ring   2 (p - 1) (latency + n / (p bandwidth))      every process passes on p parts, twice round
    tree   2 log2(p) (latency + n / bandwidth)          halves of the processes exchange everything

Source: Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", Int. J. High
Performance Computing Applications 19, 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence


@dataclass(frozen=True)
class Network:
    """What connects the processes: seconds until the first byte of a message, and bytes per second from then on."""

    name: str
    latency: float
    bandwidth: float

    def all_reduce(self, size: float, processes: int) -> float:
        """Seconds for an all_reduce of `size` bytes.

        >>> Network("", latency=1e-6, bandwidth=1e9).all_reduce(4, 2) < 3e-6
        True
        """
        if processes == 1:
            return 0.0
        ring = 2 * (processes - 1) * (self.latency + size / processes / self.bandwidth)
        tree = 2 * math.log2(processes) * (self.latency + size / self.bandwidth)
        return min(ring, tree)


# Nominal figures, between machines with one port each: of the standards, and usual latencies of small messages.
NETWORKS = (
    Network("Ethernet 10 Gbit/s (TCP)", 30e-6, 1.25e9),
    Network("Ethernet 100 Gbit/s (RoCE)", 3e-6, 12.5e9),
    Network("InfiniBand HDR 200 Gbit/s", 1.5e-6, 25e9),
    Network("InfiniBand NDR 400 Gbit/s", 1.5e-6, 50e9),
)


def fitted(name: str, processes: int, seconds: dict[int, float]) -> Network:
    """The network with which the model gives the measured times of the smallest and the largest all_reduce.

    >>> network = Network("", 2e-6, 3e9)
    >>> found = fitted("", 4, {size: network.all_reduce(size, 4) for size in (4, 10**8)})
    >>> round(found.latency * 1e6, 3), round(found.bandwidth / 1e9, 2)
    (2.0, 3.0)
    """
    smallest, largest = min(seconds), max(seconds)
    latency = seconds[smallest] / min(2 * (processes - 1), 2 * math.log2(processes))
    moved = 2 * (processes - 1) / processes * largest  # a ring is the quicker one for large arrays
    return Network(name, latency, moved / max(seconds[largest] - 2 * (processes - 1) * latency, 1e-12))


@dataclass(frozen=True)
class Step:
    """A training step without communication: its seconds, and the bytes of each bucket of gradients in their order."""

    forward: float
    backward: float
    update: float
    buckets: Sequence[int]

    @property
    def alone(self) -> float:
        return self.forward + self.backward + self.update

    def seconds(self, network: Network, processes: int, overlaps: bool = True) -> float:
        """The step on so many processes: a bucket is sent when it is full and the one before has gone, or, where
        nothing `overlaps`, all of them after backward."""
        whole, full, end = sum(self.buckets), 0, 0.0
        for size in self.buckets:
            full += size
            ready = self.backward * (full / whole if overlaps else 1)  # gradients come at an even rate
            end = max(end, ready) + network.all_reduce(size, processes)
        return self.forward + max(end, self.backward) + self.update
