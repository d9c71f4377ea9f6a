"""Modules and functions beside PyTorch's: values, gradients of inputs and of parameters, in float64."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Sequence

import numpy as np
import pytest

from gradcore import Tensor, nn


def flat(result: Any) -> list[Any]:
    """The tensors in a result, which may be nested tuples; None is left out."""
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in flat(part)]
    return [] if result is None else [result]


def as_numpy(tensor: Any) -> np.ndarray:
    """The values of a tensor of either library."""
    return tensor.numpy() if isinstance(tensor, Tensor) else tensor.detach().numpy()


def assert_alike(ours: Sequence[Any], theirs: Sequence[Any], tolerance: float = 1e-9) -> None:
    """Tensors of this library and PyTorch's agree, one by one."""
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            assert mine.shape == tuple(other.shape)
            np.testing.assert_allclose(as_numpy(mine), as_numpy(other), rtol=tolerance, atol=tolerance)


@contextlib.contextmanager
def derivatives_of(torch: Any) -> Iterator[None]:
    """Skips a test, in words, where this version of PyTorch has no derivative of a function yet."""
    try:
        yield
    except RuntimeError as error:
        if "derivative" not in str(error) or "not implemented" not in str(error):
            raise
        pytest.skip(f"PyTorch {torch.__version__}: {error}")


def compare(torch: Any, ours: Callable, theirs: Callable, arrays: Sequence[Any], device: Any, rng: np.random.Generator,
            parameters: tuple[Sequence, Sequence] = ((), ()), tolerance: float = 1e-9) -> None:
    """Values and gradients of two functions of arrays; floats require gradients, what is no array is given as it is."""
    mine = [_ours(array, device) for array in arrays]
    other = [_theirs(torch, array) for array in arrays]
    found, expected = flat(ours(*mine)), flat(theirs(*other))
    assert_alike(found, expected, tolerance)
    wanted = [i for i, tensor in enumerate(expected) if tensor.requires_grad]
    weights = [rng.normal(size=tuple(expected[i].shape)) for i in wanted]
    sum((found[i] * Tensor(weight, device=device)).sum() for i, weight in zip(wanted, weights)).backward()
    with derivatives_of(torch):
        sum((expected[i] * torch.tensor(weight)).sum() for i, weight in zip(wanted, weights)).backward()
    tensors = [(a, b) for a, b in zip(mine, other) if isinstance(a, Tensor) and a.requires_grad]
    tensors += list(zip(*parameters, strict=True))
    assert_alike([a.grad for a, _ in tensors], [b.grad for _, b in tensors], tolerance)


def compare_modules(torch: Any, ours: nn.Module, theirs: Any, arrays: Sequence[Any], device: Any,
                    rng: np.random.Generator, tolerance: float = 1e-9) -> None:
    """As `compare`, for modules, which get the same state first and must have it in the end."""
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for parameter in theirs.parameters():  # weights of normalisations too should be no ones and zeros
            parameter.copy_(torch.tensor(rng.normal(size=tuple(parameter.shape))) * 0.5)
    ours.load_state_dict(theirs.state_dict())
    ours.to(device)
    named = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert list(named[0]) == list(named[1])
    compare(torch, ours, theirs, arrays, device, rng, tuple(list(each.values()) for each in named), tolerance)
    states = ours.state_dict(), theirs.state_dict()
    assert list(states[0]) == list(states[1])
    assert_alike(list(states[0].values()), list(states[1].values()), tolerance)


def _ours(array: Any, device: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    return Tensor(array, requires_grad=array.dtype.kind == "f", device=device)


def _theirs(torch: Any, array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    return torch.tensor(array, requires_grad=array.dtype.kind == "f")
