"""PyTorch's legacy constructors of tensors of a dtype: `FloatTensor`, `LongTensor` and others."""

from __future__ import annotations

from typing import Any, Callable

from ..core.tensor import Tensor


def _of(name: str, dtype: str) -> Callable[..., Tensor]:
    def made(data: Any = (), *sizes: Any) -> Tensor:
        if sizes or isinstance(data, int):
            raise TypeError(f"{name}: it takes the values of a tensor; a tensor of sizes {(data, *sizes)} is made by "
                            f"gradcore.empty, with dtype={dtype!r}")
        return Tensor(data, dtype=dtype)

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"""A tensor of {dtype}, which copies `data`: an old name of ``tensor(data, dtype={dtype!r})``.

    >>> {name}([1, 0]).dtype
    dtype({dtype!r})
    """
    return made


BoolTensor = _of("BoolTensor", "bool")
ByteTensor = _of("ByteTensor", "uint8")
CharTensor = _of("CharTensor", "int8")
ShortTensor = _of("ShortTensor", "int16")
IntTensor = _of("IntTensor", "int32")
LongTensor = _of("LongTensor", "int64")
HalfTensor = _of("HalfTensor", "float16")
FloatTensor = _of("FloatTensor", "float32")
DoubleTensor = _of("DoubleTensor", "float64")
