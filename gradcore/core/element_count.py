"""`Tensor.size`: the number of elements as in NumPy, and callable as in PyTorch."""

from __future__ import annotations

from typing import Any, Optional, Union

from .dimensions import one_dim


class ElementCount(int):
    """An int, as NumPy's ``x.size``; calling it gives PyTorch's ``x.size()``, the shape, or ``x.size(dim)``.

    >>> count = ElementCount(6, (2, 3))
    >>> count, count(), count(-1)
    (6, (2, 3), 3)
    """

    shape: tuple[int, ...]

    def __new__(cls, count: int, shape: tuple[int, ...]) -> "ElementCount":
        made = super().__new__(cls, count)
        made.shape = shape
        return made

    def __call__(self, dim: Optional[int] = None) -> Union[int, tuple[int, ...]]:
        return self.shape if dim is None else self.shape[one_dim(dim, len(self.shape))]

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)
