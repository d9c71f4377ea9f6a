"""Kernels for the tests of lowerings: every primitive, formulas of many kinds, and the library's own operations."""

from __future__ import annotations

import sys

import numpy as np

import gradcore.functions  # noqa: F401  (makes the operations)
from gradcore.backends import Kernel
from gradcore.backends.formulas.expression import TABLE, Symbol
from gradcore.backends.formulas.namespace import FormulaNamespace
from gradcore.core.elementwise import Elementwise, elementwise

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, -0.5, 1e-42, -1e-42, 3.4e38, -3.4e38, 20.0, -20.0,
           88.7228, -87.3, -103.9, 89.0, 1e30, -1e30]


def relu(xp, x): return xp.maximum(x, 0)
def leaky_relu(xp, x, negative_slope=0.01): return xp.where(x > 0, x, negative_slope * x)
def prelu(xp, x, weight): return xp.where(x > 0, x, weight * x)
def elu(xp, x, alpha=1.0): return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))
def softplus(xp, x): return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))
def swish(xp, x, beta=1.0): return x * xp.sigmoid(beta * x)
def tanh(xp, x): return xp.tanh(x)
def gelu(xp, x): return x * xp.normcdf(x)
def mish(xp, x): return x * xp.tanh(xp.log1p(xp.exp(-xp.abs(x))) + xp.maximum(x, 0))
def gauss(xp, x): return xp.exp(-xp.square(xp.clip(x, -30, 30)))
def softsign(xp, x): return x / (1 + xp.abs(x))
def hardswish(xp, x): return x * xp.clip(x + 3, 0, 6) / 6
def piecewise(xp, x): return xp.where(x < -1, -1.0, xp.where(x > 2, xp.sqrt(xp.abs(x) + 1), xp.sin(x)))
def two_inputs(xp, a, b): return xp.maximum(a, b) * 0.5 + xp.where(xp.logical_and(a > 0, b > 0), a, b) * 0.25


_FORMULAS = [relu, leaky_relu, prelu, elu, softplus, swish, tanh, gelu, mish, gauss, softsign, hardswish, piecewise,
             two_inputs]


def primitives() -> dict[str, Kernel]:
    """The kernel of each row of the table, called as formulas call it."""
    inputs = {name: [Symbol.array(f"x{i}") for i in range(row.arity)] for name, row in TABLE.items()}
    xp = FormulaNamespace()
    return {name: Kernel(name, inputs[name], (), (getattr(xp, name)(*inputs[name]),)) for name in TABLE}


def operations() -> dict[str, Elementwise]:
    """Operations with a derivative: all that the library has built in, and the formulas above under "my_"."""
    modules = [module for name, module in sys.modules.items() if name.startswith("gradcore.")]
    built_in = {operation.name: operation for module in modules for operation in vars(module).values()
                if isinstance(operation, Elementwise)}
    return {**built_in, **{f"my_{formula.__name__}": elementwise(formula) for formula in _FORMULAS}}


def forward_kernels() -> dict[str, Kernel]:
    return {name: operation.kernel for name, operation in operations().items()}


def backward_kernels() -> dict[str, Kernel]:
    """The backward pass of each operation with one result, along all of its arrays, where it is a kernel."""
    gradients = {f"{name}_backward": operation.gradient(range(len(operation.arrays)))
                 for name, operation in operations().items() if len(operation.kernel.outputs) == 1}
    return {name: gradient.kernel for name, gradient in gradients.items() if gradient.kernel is not None}


def everything() -> dict[str, Kernel]:
    return {**primitives(), **forward_kernels(), **backward_kernels()}


def whole_range(rng: np.random.Generator, n: int, dtype: str = "float32") -> np.ndarray:
    """`n` numbers: half of them any bits at all (every magnitude, NaN, infinities), half of ordinary size."""
    dtype = np.dtype(dtype)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), n - n // 2, dtype=f"uint{8 * dtype.itemsize}").view(dtype)
    ordinary = rng.choice([1.0, 10.0, 100.0], n // 2) * rng.normal(size=n // 2)
    values = rng.permutation(np.concatenate([bits, ordinary.astype(dtype)]))
    values[:len(SPECIAL)] = SPECIAL[:n]
    return values
