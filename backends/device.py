"""Names of devices."""

from __future__ import annotations

import re
from typing import Optional, Union


class Device:
    """A device on which arrays are stored: "cpu", or "cuda:N" for the N-th CUDA device.

    A device equals, and prints as, its string.

    >>> Device("cuda") == "cuda:0", str(Device("cuda", 1)), Device("cpu").type
    (True, 'cuda:1', 'cpu')
    """

    __slots__ = ("type", "index")

    def __init__(self, name: Union[str, "Device"], index: Optional[int] = None):
        name = name if index is None else f"{name}:{index}"
        match = re.fullmatch(r"([a-z]\w*?)(?::(\d+))?", str(name))
        if match is None or (match[1] == "cpu" and match[2] not in (None, "0")):
            raise ValueError(f'a device must be "cpu", "cuda", "cuda:N" or "auto"; got {name!r}')
        self.type: str = match[1]
        self.index: int = int(match[2] or 0)

    def __str__(self) -> str:
        return self.type if self.type == "cpu" else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"Device({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = Device(other)
            except ValueError:
                return False
        return isinstance(other, Device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[type[Device], tuple[str]]:
        return Device, (str(self),)  # the oldest protocols of pickle read no slots
