"""What is measured, and which of it belongs to which set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Iterator, Sequence

DIRECTIONS = ("forward", "backward", "both")
CPU_SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)
GPU_SIZES = CPU_SIZES + (2**26, 2**28)
ARTICLE = ("relu", "leaky_relu", "elu", "softplus", "swish", "sigmoid", "tanh")
ONE_LINE_MISH = "mish in one line"  # a user's own formula, without a hand-written derivative

COPY, TO_DEVICE, TO_HOST = "copy", "to device", "to host"  # rows that measure the machine, not an activation


@dataclass(frozen=True)
class Case:
    """One figure: the time of one call."""

    activation: str
    direction: str
    size: int
    dtype: str
    device: str
    implementation: str = "gradcore"

    @property
    def key(self) -> str:
        """The case in one word, as `--only` matches it and two runs are compared by it."""
        return "/".join((self.activation, self.direction, size_name(self.size), self.dtype, self.device,
                         self.implementation))

    @property
    def group(self) -> "Case":
        """What is measured in turn: the same case for every implementation."""
        return replace(self, implementation="*")


def size_name(size: int) -> str:
    """
    >>> size_name(10**6), size_name(2**26), size_name(1500)
    ('1e6', '2^26', '1500')
    """
    if size >= 1000 and 10 ** round(math.log10(size)) == size:
        return f"1e{round(math.log10(size))}"
    return f"2^{size.bit_length() - 1}" if size & (size - 1) == 0 else str(size)


def sizes_of(device: str) -> tuple[int, ...]:
    return CPU_SIZES if device == "cpu" else GPU_SIZES


def dtypes_of(device: str) -> tuple[str, ...]:
    """float16 is a storage format on the CPU, and worth timing on a GPU only."""
    return ("float32", "float64") if device == "cpu" else ("float16", "float32", "float64")


def machine_groups(groups: Sequence[Case]) -> Iterator[Case]:
    """The copies, and the transfers to and from the host, that belong to the sizes of `groups`."""
    seen = set()
    for group in groups:
        place = (group.size, group.dtype, group.device)
        if place not in seen:
            seen.add(place)
            yield Case(COPY, "copy", *place, "*")
            if group.device != "cpu":
                yield Case("transfer", TO_DEVICE, *place, "*")
                yield Case("transfer", TO_HOST, *place, "*")


def quick(activations: Sequence[str], devices: Sequence[str]) -> list[Case]:
    """Forward and backward of every activation in float32, and the largest size for those of the article."""
    groups = []
    for device in devices:
        sizes = CPU_SIZES[:4] if device == "cpu" else (*CPU_SIZES[:4], 2**26)
        groups += _grid(activations, DIRECTIONS[:2], sizes, ("float32",), (device,))
        groups += _grid([name for name in activations if name in ARTICLE], DIRECTIONS[:2], (10**7,), ("float32",),
                        (device,))
    return groups


def full(activations: Sequence[str], devices: Sequence[str]) -> list[Case]:
    """Everything."""
    groups = []
    for device in devices:
        groups += _grid(activations, DIRECTIONS, sizes_of(device), dtypes_of(device), (device,))
    return groups + [group for group in peers(activations, devices) if group.activation == ONE_LINE_MISH]


def peers(activations: Sequence[str], devices: Sequence[str]) -> list[Case]:
    """`f(x).backward(g)` of every activation, and of a formula of one's own."""
    groups = []
    for device in devices:
        sizes = CPU_SIZES if device == "cpu" else GPU_SIZES
        groups += _grid(activations, ("both",), sizes, ("float32",), (device,))
        if ONE_LINE_MISH in activations:
            groups += [Case(ONE_LINE_MISH, "both", size, "float32", device, "*")
                       for size in (CPU_SIZES if device == "cpu" else (2**26,))]
    return groups


def _grid(activations: Sequence[str], directions: Sequence[str], sizes: Sequence[int], dtypes: Sequence[str],
          devices: Sequence[str]) -> list[Case]:
    return [Case(activation, direction, size, dtype, device, "*") for size in sizes for activation in activations
            if activation != ONE_LINE_MISH for direction in directions for dtype in dtypes for device in devices]


def matching(groups: Sequence[Case], patterns: Sequence[str]) -> list[Case]:
    """Those that every word of one of the patterns names: a part of the key, as "swish backward", "1e6", "relu"."""
    if not patterns:
        return list(groups)

    def named(group: Case) -> bool:
        parts = group.key.split("/")
        return any(all(word in parts for word in pattern.split()) for pattern in patterns)

    return [group for group in groups if named(group)]
