"""What tests of tensors share: random data in awkward layouts, and comparisons with NumPy."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gradcore import Tensor, gradcheck
from gradcore.backends import Backend

SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FULL_SHAPES = npst.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)
SEEDS = st.integers(0, 2**32 - 1)


def normal(seed: Any, shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def layouts(values: np.ndarray) -> Iterator[np.ndarray]:
    """The same values contiguous, in Fortran's order, as every other element of a larger array, and backward."""
    yield np.ascontiguousarray(values).reshape(values.shape)
    if values.ndim:
        yield np.asfortranarray(values)
        spread = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        spread[..., ::2] = values
        yield spread[..., ::2]
        yield np.ascontiguousarray(values[::-1])[::-1]


def check(backend: Backend, function: Callable, reference: Callable, *arrays: np.ndarray, gradients: bool = True,
          rtol: float = 1e-9) -> None:
    """`function` of tensors gives what `reference` gives of arrays, its gradients are those of differences, and the
    inputs are unchanged."""
    expected = np.asarray(reference(*arrays))
    tensors = [Tensor(array, device=backend.device) for array in arrays]
    result = function(*tensors)
    assert result.device == backend.device
    assert result.shape == expected.shape, (result.shape, expected.shape)
    assert result.dtype.kind == expected.dtype.kind and (result.dtype.kind != "f" or result.dtype == arrays[0].dtype)
    np.testing.assert_allclose(result.numpy(), expected, rtol=rtol, atol=rtol)
    for tensor, array in zip(tensors, arrays):
        np.testing.assert_array_equal(tensor.numpy(), array)
    floating = [tensor for tensor in tensors if tensor.dtype == np.float64 and tensor.size]
    if gradients and floating and result.dtype == np.float64:
        for tensor in floating:
            tensor.requires_grad_()
        assert gradcheck(function, tensors)


def memory_of(x: Tensor) -> Any:
    """The NumPy array that holds the elements, or None on a GPU."""
    array = x._array
    return array if isinstance(array, np.ndarray) else array.strict._array if hasattr(array, "strict") else None


def share_memory(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have an element in common."""
    if memory_of(a) is None:  # on a GPU, which has no function that is exact
        return a._backend.shares_memory(a._array, b._array)
    return np.shares_memory(memory_of(a), memory_of(b))
