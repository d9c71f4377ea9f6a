"""Kernels for the tests of lowerings: those of `gradcore.testing`, and formulas of many kinds under "my_"."""

from __future__ import annotations

import sys

from gradcore.backends import Kernel
from gradcore.core.elementwise import Elementwise, elementwise
from gradcore.core.rowwise import Rowwise
from gradcore.testing import kernels as built_in
from gradcore.testing.kernels import primitives, whole_range  # noqa: F401


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


def operations() -> dict[str, Elementwise]:
    """Operations with a derivative: all that the library has built in, and the formulas above under "my_"."""
    return {**built_in.operations(), **{f"my_{formula.__name__}": elementwise(formula) for formula in _FORMULAS}}


def forward_kernels() -> dict[str, Kernel]:
    return built_in.forward_kernels(operations())


def backward_kernels() -> dict[str, Kernel]:
    return built_in.backward_kernels(operations())


def row_operations() -> dict[str, Rowwise]:
    """The row operations that the library has built in."""
    modules = [module for name, module in sys.modules.items() if name.startswith("gradcore.")]
    return {operation.name: operation for module in modules for operation in vars(module).values()
            if isinstance(operation, Rowwise)}


def row_kernels() -> dict[str, Kernel]:
    """The forward kernel of each row operation, and the backward kernel from all of its results to its arrays."""
    found = {}
    for name, operation in row_operations().items():
        found[name] = operation.kernel
        every = tuple(range(len(operation.kernel.outputs)))
        found[f"{name}_backward"] = operation.joint_gradient(tuple(range(len(operation.arrays))), every).kernel
    return {name: kernel for name, kernel in found.items() if kernel is not None}


def everything() -> dict[str, Kernel]:
    return {**primitives(), **forward_kernels(), **backward_kernels()}
