"""Another device for the tests: arrays of array-api-strict on its "device1", which the host cannot read.

Like a GPU it refuses to mix with NumPy arrays and to be read without being asked to; unlike one it is there on every
machine.  What the library leaves to NumPy's habits, and not to the backend, fails here.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import array_api_strict
import numpy as np

from gradcore.backends import Backend, Device, Kernel, backend_of
from gradcore.backends.formulas import special
from gradcore.backends.formulas.dtypes import BOOL, compute_and_result
from gradcore.backends.formulas.expand import expand
from gradcore.backends.formulas.expression import Expression, Literal, in_order
from gradcore.backends.formulas.integers import fitted

DEVICE_TYPE = "strict"
_DEVICE = array_api_strict.Device("device1")
_HOST = array_api_strict.Device("CPU_DEVICE")

# Where the standard has another name than NumPy for what the library uses, or none.
_NAMES = {"power": "pow", "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arctan2": "atan2",
          "cumsum": "cumulative_sum", "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift"}


class StrictArray:
    """An array of the stand-in: no operators, and no way to the host but `StrictBackend.to_numpy`."""

    __slots__ = ("strict",)

    def __init__(self, strict: Any):
        assert strict.device == _DEVICE, f"an array ended up on {strict.device}"
        self.strict = strict

    @property
    def shape(self) -> tuple[int, ...]:
        return self.strict.shape

    @property
    def ndim(self) -> int:
        return self.strict.ndim

    @property
    def size(self) -> int:
        return self.strict.size

    @property
    def dtype(self) -> np.dtype:
        return self.strict._array.dtype

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an array of the stand-in device was read or changed without its backend")

    # array-api-strict itself lets some of these through.
    __array__ = __dlpack__ = __dlpack_device__ = __float__ = __int__ = __bool__ = __index__ = __complex__ = _refuse
    __len__ = __iter__ = __getitem__ = __setitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __iadd__ = _refuse
    __array_ufunc__ = __array_function__ = _refuse
    __array_interface__ = property(_refuse)


def _dtype(dtype: Any) -> Any:
    name = np.dtype(dtype).name
    if not hasattr(array_api_strict, name):
        raise TypeError(f"the stand-in device has no {name}")
    return getattr(array_api_strict, name)


def _on_device(values: np.ndarray) -> StrictArray:
    _dtype(values.dtype)
    return StrictArray(array_api_strict.asarray(np.array(values), device=_DEVICE))


class _Namespace:
    """The functions of array-api-strict, for arrays of the stand-in."""

    def __init__(self, module: Any = array_api_strict):
        self._module = module

    @property
    def linalg(self) -> "_Namespace":
        return _Namespace(array_api_strict.linalg)

    def __getattr__(self, name: str) -> Callable:
        function = getattr(self._module, _NAMES.get(name, name))

        def call(*args: Any, **kwargs: Any) -> Any:
            with np.errstate(all="ignore"):
                return _wrapped(function(*map(_unwrapped, args), **{k: _unwrapped(v) for k, v in kwargs.items()}))

        return call


def _unwrapped(value: Any) -> Any:
    if isinstance(value, StrictArray):
        return value.strict
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrapped, value))
    if isinstance(value, np.dtype):
        return _dtype(value)
    assert not isinstance(value, (np.ndarray, np.generic)), "a NumPy array met an array of the stand-in device"
    return value


def _wrapped(value: Any) -> Any:
    return tuple(map(_wrapped, value)) if isinstance(value, (tuple, list)) else StrictArray(value)


class StrictBackend(Backend):
    """The backend of "strict"."""

    xp = _Namespace()

    def __init__(self) -> None:
        self.device = Device(DEVICE_TYPE)

    def asarray(self, data: Any, dtype: Optional[np.dtype] = None, copy: bool = False) -> StrictArray:
        if isinstance(data, StrictArray):
            changed = data if dtype is None else self.astype(data, dtype)
            return self.copy(changed) if copy and changed is data else changed
        assert backend_of(data) is None or isinstance(data, np.ndarray)
        with np.errstate(all="ignore"):
            return _on_device(np.array(data, dtype))

    def to_numpy(self, array: StrictArray) -> np.ndarray:
        return np.array(array.strict.to_device(_HOST)._array)

    def owns(self, array: Any) -> bool:
        return isinstance(array, StrictArray)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> StrictArray:
        return self.full(shape, 77, dtype)

    def full(self, shape: tuple[int, ...], value: float, dtype: np.dtype) -> StrictArray:
        with np.errstate(all="ignore"):
            return _on_device(np.full(shape, value, dtype))

    def copy(self, array: StrictArray) -> StrictArray:
        return _on_device(np.ascontiguousarray(array.strict._array).reshape(array.shape))

    def strides(self, array: StrictArray) -> tuple[int, ...]:
        return super().strides(array.strict._array)

    def shares_memory(self, a: StrictArray, b: StrictArray) -> bool:
        return np.may_share_memory(a.strict._array, b.strict._array)

    def is_expanded(self, array: StrictArray) -> bool:
        return super().is_expanded(array.strict._array)

    def is_read_only(self, array: StrictArray) -> bool:
        return super().is_read_only(array.strict._array)

    def astype(self, array: StrictArray, dtype: np.dtype) -> StrictArray:
        if array.dtype == dtype:
            return array
        with np.errstate(all="ignore"):
            return StrictArray(array_api_strict.astype(array.strict, _dtype(dtype)))

    def assign(self, array: StrictArray, index: Any, value: Any) -> None:
        with np.errstate(all="ignore"):
            array.strict._array[_inside(index)] = _inside(value)

    def take(self, array: StrictArray, index: Any) -> StrictArray:
        if _names_a_part(index):
            parts = index if isinstance(index, tuple) else (index,)
            return StrictArray(array.strict[parts if any(part is ... for part in parts) else (*parts, ...)])
        return _on_device(array.strict._array[_inside(index)])

    def add_at(self, array: StrictArray, index: Any, value: StrictArray) -> None:
        with np.errstate(all="ignore"):
            np.add.at(array.strict._array, _inside(index), _inside(value))

    def elementwise(self, kernel: Kernel, inputs: Sequence[Any], constants: Sequence[float] = ()) -> list[StrictArray]:
        compute, result = compute_and_result(kernel, inputs)
        shape = np.broadcast_shapes(*[value.shape for value in inputs if isinstance(value, StrictArray)])
        given = [self.astype(value, compute) if isinstance(value, StrictArray) else self.full((), value, compute)
                 for value in (*inputs, *constants)]
        values = dict(zip(kernel.inputs + kernel.constants, given))
        outputs = expand(fitted(kernel, compute).outputs)
        for node in in_order(outputs):
            if node not in values:
                values[node] = self._value(node, [values[arg] for arg in node.args], compute)
        return [self._finished(values[output], shape, result) for output in outputs]

    def _value(self, node: Expression, args: list[StrictArray], compute: np.dtype) -> StrictArray:
        if isinstance(node, Literal):
            return self.full((), node.value, BOOL if node.is_boolean else compute)
        name = node.primitive.name
        if name in ("erf", "normcdf", "normcdf_tanh", "normpdf", "floor_divide"):
            with np.errstate(all="ignore"):
                given = [arg.strict._array for arg in args]
                return _on_device(np.asarray(getattr(special, name)(*given), compute))
        if name == "exp2":
            return self.xp.pow(self.full((), 2, compute), *args)
        if name.startswith("logical"):
            args = [self.astype(arg, BOOL) for arg in args]
        return getattr(self.xp, name)(*args)

    def _finished(self, array: StrictArray, shape: tuple[int, ...], result: np.dtype) -> StrictArray:
        array = array if array.dtype == BOOL else self.astype(array, result)
        return self.copy(self.xp.broadcast_to(array, shape))

    def compile(self, kernel: Kernel, dtype: np.dtype) -> str:
        return repr(kernel)

    def sum(self, array: StrictArray, axis: Optional[tuple[int, ...]], keepdims: bool) -> StrictArray:
        return self.xp.sum(array, axis=axis, keepdims=keepdims)

    def matmul(self, a: StrictArray, b: StrictArray) -> StrictArray:
        return self.xp.matmul(a, b)

    def synchronize(self) -> None:
        """Nothing is queued."""

    def memory_stats(self) -> dict[str, int]:
        return {"allocated": 0, "reserved": 0}

    def peak_memory(self) -> int:
        return 0

    def reset_peak_memory(self) -> None:
        """Nothing is counted."""

    def empty_cache(self) -> None:
        """Nothing is cached."""

    def description(self) -> str:
        return f"array-api-strict {array_api_strict.__version__}"


def _inside(value: Any) -> Any:
    """What the device itself may do with its arrays."""
    if isinstance(value, tuple):
        return tuple(map(_inside, value))
    assert not isinstance(value, (np.ndarray, np.generic)), "a NumPy array met an array of the stand-in device"
    return value.strict._array if isinstance(value, StrictArray) else value


def _names_a_part(index: Any) -> bool:
    """Whether an index has no arrays in it, so that the result is a view."""
    return not any(isinstance(part, StrictArray) for part in (index if isinstance(index, tuple) else (index,)))
