"""`Tensor`: an array on a device, with the history of its computation.

The module `methods` adds operators and most methods, from the modules that define the operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Union

import numpy as np

from .accumulation import refuse_gradient
from .copying import copy_of, deep_copy_of, pickled
from .element_count import ElementCount
from .grad_mode import mode
from .graph import Node, Watch, parent_of, propagate
from .printing import html_of, text_of
from .python_data import asked_dtype, dtype_of_numbers, plain
from .sharing import own_array
from ..backends import Backend, Device, DeviceMismatch, backend_of, get_backend
from ..backends.formulas.dtypes import as_dtype, kind_of

if TYPE_CHECKING:
    from .members import Members
else:
    Members = object

Number = Union[bool, int, float]
DeviceLike = Union[str, Device, None]
_new = object.__new__  # twice as fast as Tensor.__new__, which must be looked up and bound


class Tensor(Members):
    """An array on a device, for which gradients can be computed.

    Parameters
    ----------
    data : numbers, nested lists, a NumPy array, an array of a device, or a Tensor (which is copied).
    requires_grad : whether operations on it are recorded and `backward` computes its `grad`.
    dtype : the type of the elements.  By default arrays keep theirs; numbers and lists become float32, even integers.
    device : "cpu", "cuda", "cuda:N" or "auto".  By default arrays keep theirs, and other data goes to the default
        device.

    Raises
    ------
    TypeError : an integer `dtype` with ``requires_grad=True``; or sizes as in ``Tensor(2, 3)``, which is a shape in
        PyTorch: write ``Tensor.empty(2, 3)``.
    BackendUnavailable : the device cannot be used on this machine.

    >>> x = Tensor([1, 2, 3], requires_grad=True)
    >>> x.shape, x.ndim, x.dim(), x.size, x.numel(), x.dtype, x.device
    ((3,), 1, 1, 3, 3, dtype('float32'), Device('cpu'))
    >>> y = (x * x).sum()
    >>> y, y.item(), y.is_leaf, y.grad_fn.name
    (tensor(14., grad_fn=<Sum>), 14.0, False, 'Sum')
    >>> y.backward()
    >>> x.grad
    tensor([2., 4., 6.])
    >>> x.zero_grad()
    >>> x.detach(), x.data.requires_grad, x.tolist(), x.detach().requires_grad_().is_leaf
    (tensor([1., 2., 3.]), False, [1.0, 2.0, 3.0], True)
    >>> x.detach().numpy()
    array([1., 2., 3.], dtype=float32)
    """

    __slots__ = ("_array", "_backend", "_requires_grad", "_node", "_versions", "_watch", "_grad", "__weakref__")

    _node: Optional[Node]
    _versions: list[Any]  # the number of in-place changes, then weak references: see `views`
    _watch: Optional[Watch]
    _grad: Optional[Tensor]

    # NumPy leaves `array + tensor` to the Tensor.
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, device: DeviceLike = None):
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise TypeError(f"Tensor(data, requires_grad) takes the values of one tensor and True or False; got "
                            f"{data!r:.40} and {requires_grad!r:.40}. Tensor.empty(2, 3) is a tensor of that shape")
        data = own_array(data, "Tensor")
        asked = asked_dtype(data, dtype)
        if requires_grad and asked is not None and kind_of(asked) < 2:
            raise TypeError(f"only floating-point tensors can require a gradient; got dtype {asked}. Leave "
                            f"out dtype, or pass a float dtype")
        self._set(*_array_on(data, asked, device, copy=True))
        self.requires_grad = requires_grad

    def _set(self, array: Any, backend: Backend) -> None:
        kind_of(array.dtype)
        self._array, self._backend = array, backend
        self._requires_grad, self._node, self._watch, self._grad = False, None, None, None
        self._versions = [0]

    @staticmethod
    def _wrap(array: Any, backend: Backend, node: Optional[Node] = None) -> "Tensor":
        """A tensor of an array of `backend`, without a copy or checks; `node` computed it."""
        tensor = _new(Tensor)
        tensor._array, tensor._backend, tensor._node = array, backend, node
        tensor._requires_grad, tensor._watch, tensor._grad = node is not None, None, None
        tensor._versions = [0]
        return tensor

    # -- what it is -------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions."""
        shape: tuple[int, ...] = self._array.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        ndim: int = self._array.ndim
        return ndim

    @property
    def size(self) -> ElementCount:
        """The number of elements, as in NumPy; ``x.size()`` and ``x.size(dim)`` are PyTorch's shape and size."""
        return ElementCount(self._array.size, self._array.shape)

    def numel(self) -> int:
        """The number of elements."""
        count: int = self._array.size
        return count

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        dtype: np.dtype = self._array.dtype
        return dtype

    @property
    def device(self) -> Device:
        """The device of the elements."""
        return self._backend.device

    @property
    def data(self) -> "Tensor":
        """The values without their history, sharing memory."""
        return self.detach()

    @data.setter
    def data(self, values: "Tensor") -> None:
        if not isinstance(values, Tensor):
            raise TypeError(f"data must be a gradcore.Tensor; got {type(values).__module__}.{type(values).__name__}")
        common_backend("data", (self, values))
        self._array = values._array
        self._versions[0] += 1

    @property
    def grad_fn(self) -> Optional[Node]:
        """The recorded operation that computed the tensor; None for a leaf."""
        return self._node

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor is not the result of a recorded operation."""
        return self._node is None

    @property
    def requires_grad(self) -> bool:
        """Whether operations on the tensor are recorded, to compute its gradient."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._node is not None:
            if not value:
                raise RuntimeError("requires_grad can be turned off for leaves only; use .detach() for a tensor "
                                   "without the history of this one")
            return
        if value and kind_of(self.dtype) < 2:
            raise TypeError(f"requires_grad: only floating-point tensors can require a gradient; this one holds "
                            f"{self.dtype}")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    # -- to other places --------------------------------------------------------------------------------------
    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array, which shares memory with a CPU tensor and is a copy for other devices.

        PyTorch's `force` is accepted and has no effect: neither a history nor a device is an obstacle here.
        """
        return self._backend.to_numpy(self._array)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        if self.device != "cpu":
            raise TypeError(f"a tensor on {self.device} is not converted to NumPy implicitly; call .numpy() for a "
                            f"copy on the host")
        if self._requires_grad and mode.enabled:
            raise TypeError("a tensor that requires a gradient is not converted to NumPy implicitly: the "
                            "gradient would be lost; pass tensor.detach(), or convert it within `with no_grad():`")
        return np.array(self.numpy(), dtype, copy=copy)

    def item(self) -> Number:
        """The value of a one-element tensor as a Python number."""
        if self._array.size != 1:
            raise ValueError(f"item() needs a tensor of one element; this one has shape {self.shape}")
        value: Number = self.numpy().item()
        return value

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.numpy().tolist()

    def detach(self) -> "Tensor":
        """A tensor with the same memory but without history."""
        detached = Tensor._wrap(self._array, self._backend)
        detached._versions = self._versions
        return detached

    # -- gradients --------------------------------------------------------------------------------------------
    @property
    def grad(self) -> Optional["Tensor"]:
        """The accumulated gradient of `backward`; None before the first backward pass."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Optional["Tensor"]) -> None:
        if gradient is not None:
            refuse_gradient(self, gradient, "the gradient")
            if gradient is self:
                raise ValueError("a tensor cannot be its own gradient; assign a .clone() of it")
        self._grad = gradient

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Accumulate in the `grad` of every leaf the gradient of this tensor, weighted by `gradient`.

        Parameters
        ----------
        gradient : a Tensor or array-like of this tensor's shape; optional for a tensor of one element.
        retain_graph : keep saved values, so that backward can be called again (implied by `create_graph`).
        create_graph : record the backward pass itself, for gradients of gradients.

        Raises
        ------
        RuntimeError : the tensor does not require a gradient, `gradient` is missing, or saved values were freed or
            changed in place.
        """
        if not self._requires_grad:
            raise RuntimeError("backward() was called on a tensor that does not require a gradient: none of the "
                               "tensors it was computed from has requires_grad=True (or it was computed under no_grad)")
        propagate((parent_of(self),), (upstream_gradient(self, gradient),), retain_graph or create_graph, create_graph)

    def zero_grad(self) -> None:
        """Set the gradient to None."""
        self._grad = None

    # -- Python's protocols -----------------------------------------------------------------------------------
    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a zero-dimensional tensor has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        if not self.ndim:
            raise TypeError("a zero-dimensional tensor cannot be iterated over; .item() gives its value")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ValueError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if kind_of(self.dtype) == 2:
            raise TypeError(f"only integer tensors can be used as an index; this one holds {self.dtype}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else format(repr(self), spec)

    # Hashed by identity, so that tensors can be keys; `==` compares elements.
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        return html_of(self)

    if not TYPE_CHECKING:  # called through `copy` and `pickle` only
        __deepcopy__, __copy__, __reduce__ = deep_copy_of, copy_of, pickled


def tensor(data: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A copy of `data` as a tensor; Python numbers give bool, int64 or float32, as in PyTorch.

    >>> tensor([1, 2]).dtype, tensor([1.0, 2]).dtype, tensor(True).dtype
    (dtype('int64'), dtype('float32'), dtype('bool'))
    """
    data = own_array(data, "tensor")
    if dtype is None:
        dtype = data.dtype if hasattr(data, "dtype") else dtype_of_numbers(data, infer=True)
    return Tensor(data, requires_grad, dtype, device)


def as_tensor(data: Any, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """`data` as a tensor, without a copy if possible; a Tensor of the right dtype and device is returned itself.

    >>> as_tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    if dtype is device is None and isinstance(data, Tensor):
        return data
    data = own_array(data, "as_tensor")
    asked = asked_dtype(data, dtype, infer=True)
    if isinstance(data, Tensor):
        fits = (asked is None or asked == data.dtype) and (device is None or get_backend(device) is data._backend)
        return data if fits else data.to(device=device, dtype=asked)
    return Tensor._wrap(*_array_on(data, asked, device, copy=False))


def common_backend(operation: str, operands: Sequence[Any]) -> Backend:
    """The common backend of all tensors among `operands`; raises DeviceMismatch if they differ."""
    backend = None
    for operand in operands:
        if isinstance(operand, Tensor):
            if backend is None:
                backend = operand._backend
            elif operand._backend is not backend:
                raise DeviceMismatch(f"{operation}: the tensors are on different devices, {backend.device} and "
                                     f"{operand.device}; move one with .to(device) first")
    return get_backend() if backend is None else backend


def as_operand(value: Any, backend: Backend, operation: str) -> Union[Tensor, Number]:
    """An operand of an operation: a number as a Python number, everything else as a tensor."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float)):
        return value
    value = own_array(value, operation)
    if backend_of(value) is not None:
        made = as_tensor(value)
        if made._backend is not backend:
            raise DeviceMismatch(f"{operation}: a tensor on {backend.device} and an array on {made.device} "
                                 f"cannot be combined; make the array a tensor with device='{backend.device}' first")
        return made
    if isinstance(value, (list, tuple)):
        return as_tensor(value, device=backend.device)
    raise TypeError(f"{operation}: operands must be tensors, arrays or numbers; got {type(value).__name__} "
                    f"{value!r:.60}")


def upstream_gradient(output: Tensor, gradient: Any) -> Tensor:
    """`gradient` as a tensor like `output`; 1 if it is None and `output` has one element."""
    if gradient.__class__ is Tensor and gradient._array.shape == output._array.shape \
            and gradient._array.dtype == output._array.dtype and gradient._backend is output._backend:
        return gradient
    backend = output._backend
    if gradient is None:
        if output._array.size != 1:
            raise RuntimeError(f"backward() without a gradient needs an output of one element; this one has shape "
                               f"{output.shape}. Pass a gradient of that shape, or call .sum() or .mean() first")
        return Tensor._wrap(backend.full(output.shape, 1.0, output.dtype), backend)
    if isinstance(gradient, Tensor):
        common_backend("backward", (output, gradient))
        if gradient.shape != output.shape:
            raise ValueError(f"backward: the gradient must have the output's shape {output.shape}; got "
                             f"{gradient.shape}")
        return gradient if gradient.dtype == output.dtype else gradient.to(output.dtype)
    try:
        given = as_tensor(gradient, output.dtype, output.device)
    except (TypeError, OverflowError) as error:
        raise type(error)(f"backward: the gradient must be a tensor or numbers: {error}") from None
    return upstream_gradient(output, given)


def _array_on(data: Any, dtype: Optional[np.dtype], device: DeviceLike, copy: bool) -> tuple[Any, Backend]:
    """`data` as an array on `device`, by default its own, and the backend."""
    data = data._array if isinstance(data, Tensor) else data
    owner = backend_of(data)
    backend = get_backend(device) if device is not None or owner is None else owner
    if owner is not None and owner is not backend:
        data, copy = owner.to_numpy(data), False  # between devices through the host
    if dtype is None and isinstance(data, np.ndarray) and not data.dtype.isnative:
        dtype = data.dtype
    dtype = None if dtype is None else as_dtype(dtype)  # kernels need native byte order
    try:
        return backend.asarray(plain(data), dtype, copy=copy), backend
    except (OverflowError, ValueError):
        raise OverflowError(f"a tensor of {dtype} cannot hold {data!r:.80}") from None
