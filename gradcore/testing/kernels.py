"""Kernels for testing a backend, random inputs, and criteria of agreement."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any, Callable, Sequence, Union

import numpy as np

from .. import functions
from ..backends import Kernel, NumPyBackend
from ..backends.formulas.expression import TABLE, Symbol
from ..backends.formulas.namespace import FormulaNamespace
from ..core.elementwise import Elementwise

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1e-42, -1e-42, 3.4e38, -3.4e38, 20.0, -20.0,
           88.7228, -87.3, -103.9, 89.0, 1e30, -1e30]

# Sums whose terms may cancel: they are as exact as their terms.
SUMS = ("logaddexp", "logaddexp2", "binary_log_loss", "binary_logit_loss")
# A factor that has up to 4 units itself is rounded once more.
PRODUCTS = ("gelu_erf", "my_gelu")
# Makes the operations, those too that are loaded on first use.
_MODULES = [importlib.import_module(f"{functions.__name__}.{module.name}")
            for module in pkgutil.iter_modules(functions.__path__)]
for _name in ("optim", "special"):
    importlib.import_module(f"..{_name}", __package__)
# Functions of several arrays, losses and steps of networks, have terms that cancel as well.
OF_TERMS = {operation.name for module in _MODULES for operation in vars(module).values()
            if isinstance(operation, Elementwise) and len(operation.arrays) > 1} - set(SUMS)
_OF_DISTRIBUTIONS = "gradcore.distributions", "gradcore.operations.gamma_draws"
CONSTANT = 0.5  # products with it are exact; after rounded ones exponentials of float32 and float64 differ

Compute = Callable[[Kernel, Sequence[np.ndarray], Sequence[float]], Sequence[np.ndarray]]
_NUMPY = NumPyBackend()


def primitives() -> dict[str, Kernel]:
    """The kernel of each primitive, called as formulas call it."""
    inputs = {name: [Symbol.array(f"x{i}") for i in range(row.arity)] for name, row in TABLE.items()}
    xp = FormulaNamespace()
    return {name: Kernel(name, inputs[name], (), (getattr(xp, name)(*inputs[name]),)) for name in TABLE}


def operations() -> dict[str, Elementwise[Any]]:
    """The built-in operations with a derivative, without those of distributions and their draws, whose terms cancel
    for parameters that no distribution has."""
    modules = [module for name, module in sys.modules.items()
               if name.startswith("gradcore.") and not name.startswith(_OF_DISTRIBUTIONS)]
    return {operation.name: operation for module in modules for operation in vars(module).values()
            if isinstance(operation, Elementwise)}


def forward_kernels(operations: dict[str, Elementwise[Any]]) -> dict[str, Kernel]:
    return {name: operation.kernel for name, operation in operations.items()}


def backward_kernels(operations: dict[str, Elementwise[Any]]) -> dict[str, Kernel]:
    """The backward kernels of all operations with one result, except those that pass the gradient unchanged."""
    gradients = {f"{name}_backward": operation.gradient(tuple(range(len(operation.arrays))))
                 for name, operation in operations.items() if len(operation.kernel.outputs) == 1}
    return {name: gradient.kernel for name, gradient in gradients.items() if gradient.kernel is not None}


def whole_range(rng: np.random.Generator, n: int, dtype: Any = "float32") -> np.ndarray:
    """`n` numbers: half with random bits (every magnitude, NaN, infinities), half of ordinary size."""
    dtype = np.dtype(dtype)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), n - n // 2, dtype=f"uint{8 * dtype.itemsize}").view(dtype)
    ordinary = rng.choice([1.0, 10.0, 100.0], n // 2) * rng.normal(size=n // 2)
    values = rng.permutation(np.concatenate([bits, ordinary.astype(dtype)]))
    values[:len(SPECIAL)] = SPECIAL[:n]
    return values


def differs(found: np.ndarray, expected: np.ndarray, ulps: float = 4,
            allowance: Union[np.ndarray, float] = 0.0) -> np.ndarray:
    """Where two results differ by more than `ulps` units in the last place (of at least 1e-30) and `allowance`."""
    if found.dtype == bool:
        unequal: np.ndarray = found != expected
        return unequal
    largest = np.finfo(found.dtype).max  # infinity counts as one unit more
    with np.errstate(all="ignore"):
        unit = np.spacing(np.clip(np.abs(expected), 1e-30, largest).astype(found.dtype)).astype(np.float64)
        distance = np.abs(np.clip(found, -largest, largest).astype(np.float64) - np.clip(expected, -largest, largest))
        apart: np.ndarray = (np.isnan(found) != np.isnan(expected)) | (distance > ulps * unit + allowance)
        return apart


def differences(compute: Compute, kernel: Kernel, inputs: list[np.ndarray], constants: list[float],
                **tolerance: Any) -> list[tuple[Any, ...]]:
    """For each output, the result of `compute`, that of the CPU's NumPy program, and where they differ.

    The NumPy program is run in the inputs' dtype and in float64: two results that are each within 4 units of the
    truth may be 8 apart, so that agreement with either is enough.
    """
    found = compute(kernel, inputs, constants)
    expected = _NUMPY.elementwise(kernel, inputs, constants)
    with np.errstate(invalid="ignore"):  # a signalling NaN among the bits
        doubles = [array.astype(np.float64) for array in inputs]
    precise = _NUMPY.elementwise(kernel, doubles, constants)
    return [(f, e, differs(f, e, **tolerance) & differs(f, p, **tolerance))
            for f, e, p in zip(found, expected, precise)]


def assert_same(compute: Compute, kernel: Kernel, inputs: list[np.ndarray], constants: list[float],
                **tolerance: Any) -> None:
    """Raise AssertionError with an example if the two differ."""
    for found, expected, wrong in differences(compute, kernel, inputs, constants, **tolerance):
        if wrong.any():
            i = np.argmax(wrong)
            raise AssertionError(f"{kernel!r}: {wrong.sum()} of {wrong.size} differ; at "
                                 f"{[array[i] for array in inputs]!r} and constants {constants} found {found[i]!r}, "
                                 f"expected {expected[i]!r}")


def assert_same_values(compute: Compute, name: str, kernel: Kernel, inputs: list[np.ndarray]) -> None:
    """As `assert_same`, for a forward kernel with its tolerance."""
    inputs, allowance = _ordinary(name, inputs)
    allowance = 3e-7 * np.nan_to_num(np.abs(inputs)).max(axis=0) if name in SUMS else allowance
    assert_same(compute, kernel, inputs, [CONSTANT] * len(kernel.constants), allowance=allowance,
                ulps=6 if name in PRODUCTS else 4)


def assert_same_gradients(compute: Compute, name: str, kernel: Kernel, inputs: list[np.ndarray]) -> None:
    """As `assert_same`, for a backward kernel, with a finite upstream gradient as its last input."""
    inputs, of_terms = _ordinary(name, inputs)
    inputs[-1] = np.clip(np.nan_to_num(inputs[-1]), -100, 100)
    # Where a slope crosses zero its last places mean nothing, and derived slopes cancel: 1 - tanh(x) ** 2.
    allowance = (1e-6 if name.startswith("my_") else 3e-7) * np.abs(inputs[-1]) + of_terms
    assert_same(compute, kernel, inputs, [CONSTANT] * len(kernel.constants), allowance=allowance)


def _ordinary(name: str, inputs: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The inputs, of ordinary size where terms cancel, and the tolerance for the rounding of these terms."""
    if name.removesuffix("_backward") not in OF_TERMS:
        return inputs, 0.0
    return [np.clip(np.nan_to_num(array), -3, 3) for array in inputs], 1e-3
