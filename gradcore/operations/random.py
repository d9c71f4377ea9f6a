"""Random tensors.  Each function takes a `generator`; the default is the default generator.

The numbers are the same on every device: uniform numbers and integers to the bit, normal ones up to rounding.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..backends import FormulaNamespace, Kernel, get_backend
from ..backends.formulas.dtypes import DEFAULT_FLOAT, FLOAT32, FLOAT64, INT64, as_dtype, kind_of
from ..backends.formulas.expression import Expression, Symbol
from ..core.arguments import between
from ..core.broadcasting import cast
from ..core.dimensions import shape_of
from ..core.tensor import DeviceLike, Tensor
from .arithmetic import minimum, remainder
from .creation import finished, like
from .generator import Generator, chosen
from .integers import exact

_LAST_BEFORE_ONE = 1 - 2.0 ** -11  # in float16


def _float_dtype(dtype: Any, name: str) -> np.dtype:
    if dtype is None:
        return DEFAULT_FLOAT
    found = as_dtype(dtype)
    if kind_of(found) < 2:
        raise TypeError(f"{name} draws floats; got dtype {found}")
    return found


def rand(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False,
         generator: Optional[Generator] = None) -> Tensor:
    """Samples of the uniform distribution on [0, 1): multiples of 2^-24, or of 2^-53 in float64.

    >>> rand(3, generator=Generator().manual_seed(0))
    tensor([0.0347, 0.0115, 0.612 ])
    """
    backend, dtype = get_backend(device), _float_dtype(dtype, "rand")
    is_half = dtype.itemsize == 2
    array = chosen(generator, "rand").draw(backend, shape_of(shape), FLOAT32 if is_half else dtype)
    if is_half:  # samples close to 1 would be rounded to 1
        return minimum(cast(Tensor._wrap(array, backend), dtype), _LAST_BEFORE_ONE).requires_grad_(requires_grad)
    return finished(array, backend, requires_grad)


def randn(*shape: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False,
          generator: Optional[Generator] = None) -> Tensor:
    """Samples of the standard normal distribution.

    Two uniform samples u and v give two normal ones, sqrt(-2 log(1 - u)) cos(2 pi v) and the same with sin, computed
    in float64.
    Source: Box and Muller, "A Note on the Generation of Random Normal Deviates", Annals of Math. Stat. 29, 1958.

    >>> randn(3, generator=Generator().manual_seed(0))
    tensor([ 0.1166, -0.6835,  0.0982])
    """
    backend, dtype, shape = get_backend(device), _float_dtype(dtype, "randn"), shape_of(shape)
    n = math.prod(shape)
    half = (n + 1) // 2
    drawn = chosen(generator, "randn").draw(backend, (2, half), FLOAT64)
    pairs = [backend.take(drawn, 0), backend.take(drawn, 1)]
    backend.elementwise_into(_normal_kernel(), pairs, (), pairs)
    flat = backend.take(backend.xp.reshape(drawn, (2 * half,)), slice(0, n))
    return finished(backend.xp.reshape(backend.astype(flat, dtype), shape), backend, requires_grad)


@functools.cache
def _normal_kernel() -> Kernel:
    def pair(xp: Any, u: Expression, v: Expression) -> tuple[Expression, Expression]:
        radius, angle = xp.sqrt(-2.0 * xp.log(1.0 - u)), 2.0 * xp.pi * v
        return radius * xp.cos(angle), radius * xp.sin(angle)

    inputs = Symbol.array("u"), Symbol.array("v")
    return Kernel("normal", inputs, (), pair(FormulaNamespace(), *inputs))


def randint(low: int, high: Union[int, Sequence[int], None] = None, size: Any = (), *, dtype: Any = None,
            device: DeviceLike = None, requires_grad: bool = False, generator: Optional[Generator] = None) -> Tensor:
    """Integers from `low` (by default 0) to `high`, exclusive.

    Each is a 64-bit word modulo the number of integers, so probabilities differ by at most one part in 2^64 / (high -
    low).

    >>> randint(10, (5,), generator=Generator().manual_seed(0))
    tensor([9, 8, 9, 0, 7])
    """
    if isinstance(high, Sequence):
        high, size = None, high
    if high is None:
        low, high = 0, low
    dtype = as_dtype(dtype or INT64)
    count = high - low
    if not 0 < count < 2 ** 63:
        raise ValueError(f"randint needs `low` below `high`, less than 2^63 apart; got {low} and {high}")
    for bound in (low, high - 1) if kind_of(dtype) == 1 else ():
        exact(bound, dtype)
    backend = get_backend(device)
    words = Tensor._wrap(chosen(generator, "randint").draw(backend, shape_of((size,)), INT64), backend)
    return cast(remainder(words, count) + low, dtype).requires_grad_(requires_grad)


def randperm(n: int, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False,
             generator: Optional[Generator] = None) -> Tensor:
    """A random permutation of 0 to n - 1: the order that sorts random words.

    >>> randperm(6, generator=Generator().manual_seed(0))
    tensor([4, 3, 0, 2, 1, 5])
    """
    backend, shape = get_backend(device), shape_of((n,))
    words = chosen(generator, "randperm").draw(backend, shape, INT64)
    order = Tensor._wrap(backend.argsort(words, 0), backend)
    return cast(order, as_dtype(dtype or INT64)).requires_grad_(requires_grad)


def rand_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False,
              generator: Optional[Generator] = None) -> Tensor:
    """Uniform samples with the shape, dtype and device of `x`.

    >>> rand_like(Tensor([[1.0, 2.0]])).shape
    (1, 2)
    """
    return like(functools.partial(rand, generator=generator), x, (), dtype, device, requires_grad)


def randn_like(x: Tensor, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False,
               generator: Optional[Generator] = None) -> Tensor:
    """Normal samples with the shape, dtype and device of `x`.

    >>> randn_like(Tensor([[1.0, 2.0]])).shape
    (1, 2)
    """
    return like(functools.partial(randn, generator=generator), x, (), dtype, device, requires_grad)


def randint_like(x: Tensor, low: int, high: Optional[int] = None, *, dtype: Any = None, device: DeviceLike = None,
                 requires_grad: bool = False, generator: Optional[Generator] = None) -> Tensor:
    """Integers as in `randint`, with the shape, dtype and device of `x`.

    >>> randint_like(Tensor([[1.0, 2.0]]), 0, 10).shape
    (1, 2)
    """
    if high is None:
        low, high = 0, low
    factory = functools.partial(randint, low, high, generator=generator)
    return like(factory, x, (), dtype, device, requires_grad)


def bernoulli(input: Tensor, *, generator: Optional[Generator] = None) -> Tensor:
    """Ones with the probabilities in the tensor, otherwise zeros, in its dtype.

    >>> bernoulli(Tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    between("bernoulli", "input", input, 0, 1)
    return cast(rand_like(input, generator=generator) < input.detach(), input.dtype)
