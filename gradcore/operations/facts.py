"""Properties of tensors, and new tensors with the dtype and device of another, under PyTorch's names.

>>> is_floating_point(Tensor([1.0])), element_size(Tensor([1.0]))
(True, 4)
"""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np

from ..backends import Device
from ..backends.formulas.dtypes import kind_of
from ..backends.formulas.dtypes import result_type as meeting_in
from ..core.dimensions import one_dim
from ..core.tensor import DeviceLike, Number, Tensor, as_operand, common_backend, tensor
from .creation import empty, full, ones, zeros


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

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
    """A tensor with the same memory but without history.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> detach(2 * x)
    tensor([2.])
    """
    return input.detach()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is floating-point.

    >>> is_floating_point(tensor([1.0])), is_floating_point(tensor([1]))
    (True, False)
    """
    return kind_of(input.dtype) == 2


def is_nonzero(input: Tensor) -> bool:
    """Whether the single element is nonzero.

    >>> is_nonzero(tensor([0.0])), is_nonzero(tensor(True))
    (False, True)
    """
    if input.numel() != 1:
        raise ValueError(f"is_nonzero takes a tensor of one element; got shape {input.shape}")
    return bool(input.item())


def element_size(input: Tensor) -> int:
    """The size of an element in bytes.

    >>> element_size(tensor([1.0]))
    4
    """
    return input.dtype.itemsize


def nbytes(input: Tensor) -> int:
    """The size of all elements in bytes."""
    return input.numel() * input.dtype.itemsize


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both tensors have the same shape.

    >>> is_same_size(tensor([1, 2]), tensor([3.0, 4.0]))
    True
    """
    return input.shape == other.shape


def get_device(input: Tensor) -> int:
    """The index of the CUDA device; -1 for the CPU.

    >>> get_device(tensor([1.0]))
    -1
    """
    return -1 if input.device == Device("cpu") else input.device.index


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    >>> is_signed(Tensor([1.0])), is_signed(Tensor([1], dtype="uint8"))
    (True, False)
    """
    return input.dtype.kind in "if"


def is_cpu(input: Tensor) -> bool:
    """Whether the tensor is on the CPU.

    >>> is_cpu(zeros(2, device="cpu"))
    True
    """
    return input.device.type == Device("cpu").type


def is_cuda(input: Tensor) -> bool:
    """Whether the tensor is on a CUDA device.

    >>> is_cuda(zeros(2, device="cpu"))
    False
    """
    return input.device.type == Device("cuda").type


def stride(input: Tensor, dim: Optional[int] = None) -> Union[int, tuple[int, ...]]:
    """The strides in elements, or the stride along `dim`.

    >>> stride(zeros(2, 3)), stride(zeros(2, 3).T, 0)
    ((3, 1), 1)
    """
    steps = input._backend.strides(input._array)
    return steps if dim is None else steps[one_dim(dim, input.ndim)]


def is_contiguous(input: Tensor) -> bool:
    """Whether the elements are contiguous in memory, in row-major order.

    >>> is_contiguous(zeros(2, 3)), is_contiguous(zeros(2, 3).T)
    (True, False)
    """
    expected = 1
    for n, step in zip(reversed(input.shape), reversed(input._backend.strides(input._array))):
        if n != 1 and step != expected and input.numel():
            return False
        expected *= n
    return True


def data_ptr(input: Tensor) -> int:
    """The memory address of the first element.

    >>> x = zeros(4, device="cpu")
    >>> data_ptr(x[1:]) - data_ptr(x)
    4
    """
    return input._backend.address(input._array)


def result_type(tensor1: Any, tensor2: Any) -> np.dtype:
    """The dtype of the result of an operation on two tensors or numbers.

    >>> result_type(Tensor([1], dtype=int), 2.5)
    dtype('float32')
    """
    backend = common_backend("result_type", (tensor1, tensor2))
    values = [as_operand(value, backend, "result_type") for value in (tensor1, tensor2)]
    return meeting_in([value._array if isinstance(value, Tensor) else value for value in values])


# -- new tensors ----------------------------------------------------------------------------------------------
def _like(x: Tensor, dtype: Any, device: DeviceLike, requires_grad: bool) -> dict[str, Any]:
    return {"dtype": x.dtype if dtype is None else dtype, "device": x.device if device is None else device,
            "requires_grad": requires_grad}


def new_tensor(x: Tensor, data: Any, *, dtype: Any = None, device: DeviceLike = None,
               requires_grad: bool = False) -> Tensor:
    """A copy of `data` as a tensor with the dtype and device of `x`.

    >>> new_tensor(tensor([1.0], dtype="float64"), [1, 2])
    tensor([1., 2.], dtype=float64)
    """
    return tensor(data, **_like(x, dtype, device, requires_grad))


def new_zeros(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
              requires_grad: bool = False) -> Tensor:
    """Zeros with the dtype and device of `x`.

    >>> new_zeros(tensor([1, 2]), 3)
    tensor([0, 0, 0])
    """
    return zeros(*size, **_like(x, dtype, device, requires_grad))


def new_ones(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """Ones with the dtype and device of `x`.

    >>> new_ones(tensor([1.0], dtype="float64"), 3)
    tensor([1., 1., 1.], dtype=float64)
    """
    return ones(*size, **_like(x, dtype, device, requires_grad))


def new_empty(x: Tensor, *size: Any, dtype: Any = None, device: DeviceLike = None,
              requires_grad: bool = False) -> Tensor:
    """Uninitialized contents with the dtype and device of `x`.

    >>> new_empty(tensor([1, 2]), 3).dtype
    dtype('int64')
    """
    return empty(*size, **_like(x, dtype, device, requires_grad))


def new_full(x: Tensor, size: Any, fill_value: Number, *, dtype: Any = None, device: DeviceLike = None,
             requires_grad: bool = False) -> Tensor:
    """One number, with the dtype and device of `x`.

    >>> new_full(tensor([1, 2]), (3,), 7)
    tensor([7, 7, 7])
    """
    return full(size, fill_value, **_like(x, dtype, device, requires_grad))
