"""What tensors are, and new ones that are like them, under PyTorch's names.

>>> is_floating_point(Tensor([1.0])), element_size(Tensor([1.0]))
(True, 4)
"""

from __future__ import annotations

from typing import Any

from ..backends import Device
from ..backends.formulas.dtypes import kind_of
from ..core.tensor import DeviceLike, Number, Tensor, tensor
from .creation import empty, full, ones, zeros


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor.

    >>> is_tensor(tensor([1.0])), is_tensor([1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements.

    >>> numel(tensor([[1, 2], [3, 4]]))
    4
    """
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The same values, in shared memory, without their history.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> detach(2 * x)
    tensor([2.])
    """
    return input.detach()


def is_floating_point(input: Tensor) -> bool:
    """Whether it holds floats.

    >>> is_floating_point(tensor([1.0])), is_floating_point(tensor([1]))
    (True, False)
    """
    return kind_of(input.dtype) == 2


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not 0.

    >>> is_nonzero(tensor([0.0])), is_nonzero(tensor(True))
    (False, True)
    """
    if input.numel() != 1:
        raise ValueError(f"is_nonzero takes a tensor of one element; got shape {input.shape}")
    return bool(input.item())


def element_size(input: Tensor) -> int:
    """Bytes of one element.

    >>> element_size(tensor([1.0]))
    4
    """
    return input.dtype.itemsize


def nbytes(input: Tensor) -> int:
    """Bytes of all elements."""
    return input.numel() * input.dtype.itemsize


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have one shape.

    >>> is_same_size(tensor([1, 2]), tensor([3.0, 4.0]))
    True
    """
    return input.shape == other.shape


def get_device(input: Tensor) -> int:
    """The number of the device; -1 of the CPU.

    >>> get_device(tensor([1.0]))
    -1
    """
    return -1 if input.device == Device("cpu") else input.device.index


# -- new tensors ----------------------------------------------------------------------------------------------
def _like(x: Tensor, dtype: Any, device: DeviceLike, requires_grad: bool) -> dict[str, Any]:
    return {"dtype": x.dtype if dtype is None else dtype, "device": x.device if device is None else device,
            "requires_grad": requires_grad}


def new_tensor(x: Tensor, data: Any, *, dtype: Any = None, device: DeviceLike = None,
               requires_grad: bool = False) -> Tensor:
    """A tensor of `data` with the dtype and on the device of `x`.

    >>> new_tensor(tensor([1.0], dtype="float64"), [1, 2])
    tensor([1., 2.], dtype=float64)
    """
    return tensor(data, **_like(x, dtype, device, requires_grad))


def new_zeros(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
              requires_grad: bool = False) -> Tensor:
    """Zeros with the dtype and on the device of `x`.

    >>> new_zeros(tensor([1, 2]), 3)
    tensor([0, 0, 0])
    """
    return zeros(*size, **_like(x, dtype, device, requires_grad))


def new_ones(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """Ones with the dtype and on the device of `x`.

    >>> new_ones(tensor([1.0], dtype="float64"), 3)
    tensor([1., 1., 1.], dtype=float64)
    """
    return ones(*size, **_like(x, dtype, device, requires_grad))


def new_empty(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
              requires_grad: bool = False) -> Tensor:
    """Arbitrary contents with the dtype and on the device of `x`.

    >>> new_empty(tensor([1, 2]), 3).dtype
    dtype('int64')
    """
    return empty(*size, **_like(x, dtype, device, requires_grad))


def new_full(x: Tensor, size: Any, fill_value: Number, *, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """One number everywhere, with the dtype and on the device of `x`.

    >>> new_full(tensor([1, 2]), (3,), 7)
    tensor([7, 7, 7])
    """
    return full(size, fill_value, **_like(x, dtype, device, requires_grad))
