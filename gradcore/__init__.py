"""Tensors with automatic differentiation on the CPU and on CUDA, with operations defined by formulas.

>>> import gradcore
>>> x = gradcore.arange(-2.0, 3.0, requires_grad=True)
>>> (x ** 2).sum().backward()
>>> x.grad
tensor([-4., -2.,  0.,  2.,  4.])
"""

from __future__ import annotations

import os as _os
import sys as _sys

# In a bare checkout the folder `backends` lies beside this one; once installed it is a subfolder.
if not _os.path.isdir(_os.path.join(__path__[0], "backends")):
    from importlib import util as _util
    _file = _os.path.join(_os.path.dirname(__path__[0]), "backends", "__init__.py")
    _spec = _util.spec_from_file_location(f"{__name__}.backends", _file)  # alone, without what else lies there
    assert _spec is not None and _spec.loader is not None
    backends = _sys.modules[_spec.name] = _util.module_from_spec(_spec)
    _spec.loader.exec_module(backends)

from . import methods as _methods
from . import functions, random  # noqa: E402
from .operations.arithmetic import (abs, acos, arccos, arcsin, arctan, asin, atan, ceil, copysign, cos, cosh, eq, erf,
                                    exp, exp2, expm1, floor, floor_divide, ge, greater, greater_equal, gt, hypot,
                                    isfinite, isinf, isnan, le, less, less_equal, log, log1p, log2, log10, logaddexp,
                                    logical_and, logical_not, logical_or, logical_xor, lt, maximum, minimum, mul,
                                    multiply, ne, neg, negative, nextafter, not_equal, pow, reciprocal, remainder,
                                    rsqrt, sign, signbit, sin, sinh, sqrt, square, tan, trunc)
from .operations.bits import (bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift,
                              bitwise_xor)
from .backends import (BackendUnavailable, Device, DeviceMismatch, FormulaError, default_device, get_backend,
                       set_default_device)
from .cpu import (cpu_kernels, get_num_threads, set_cpu_kernels, set_float32_matmul_precision,  # noqa: E402
                  set_num_threads)  # noqa: E402
from .operations.conversion import clone
from .operations.creation import (arange, empty, empty_like, eye, full, full_like, linspace, ones, ones_like, zeros,
                                  zeros_like)
from .operations.determinants import det, logdet, slogdet
from .operations.determinants import pinv as pinverse
from .operations.einsum import einsum
from .operations.elementary import (acosh, addcdiv, addcmul, arccosh, arcsinh, arctan2, arctanh, asinh, atan2, atanh,
                                    clamp_max, clamp_min, deg2rad, erfinv, fmod, frac, heaviside, isclose, lerp, logit,
                                    nan_to_num, rad2deg, sinc, xlogy)
from .operations.facts import (detach, is_floating_point, is_nonzero, is_same_size, is_signed, is_tensor, numel,
                               result_type)
from .operations.gamma import digamma, lgamma
from .core.elementwise import elementwise
from .core.rowwise import rowwise
from .functions import celu, dropout, log_softmax, prelu, relu, rrelu, selu, sigmoid, softmax, tanh, threshold
from .core.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .core.gradients import GradcheckError, grad, gradcheck
from .operations.indexing import gather, index_select, masked_select, nonzero, one_hot, take
from .operations.interchange import from_dlpack, from_numpy
from .operations.linear_algebra import matmul
from .operations.options import add, div, round, sub
from .operations.arithmetic import abs as absolute
from .operations.arithmetic import sign as sgn
from .operations.arithmetic import trunc as fix
from .operations.options import div as divide
from .operations.options import div as true_divide
from .operations.options import sub as subtract
from .operations.pieces import (argwhere, atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_shapes,
                                broadcast_tensors, cartesian_prod, column_stack, combinations, diag, diag_embed,
                                diagflat, dsplit, dstack, fliplr, flipud, hsplit, ravel, rot90, tensor_split,
                                tril_indices, triu_indices, unflatten, vsplit)
from .operations.products import (addbmm, addmm, addmv, addr, baddbmm, bmm, cdist, cross, cumprod, diff, dot, inner,
                                  kron, mm, mv, outer, std_mean, tensordot, var_mean, vdot, vecdot)
from .operations.products import outer as ger
from .operations.gamma_draws import poisson
from .operations.random import (bernoulli, rand, rand_like, randint, randint_like, randn, randn_like, randperm)
from .operations.rearranging import (expand_as, hstack, meshgrid, movedim, narrow, pad, repeat_interleave, roll, select,
                                     swapaxes, swapdims, t, take_along_dim, tile, view_as, vstack)
from .operations.rearranging import movedim as moveaxis
from .operations.extrema import all, amax, amin, any, argmax, argmin, count_nonzero, max, min
from .operations.norms import logsumexp, norm
from .operations.rarer import (bucketize, dist, erfc, float_power, fmax, fmin, hamming_window, hann_window, isin,
                               isneginf, isposinf, ldexp, logaddexp2, logcumsumexp, logspace, msort, positive, renorm,
                               scalar_tensor, trapezoid)
from .operations.rarer import trapezoid as trapz
from .operations.reduction import cumsum, mean, prod, std, sum, var
from .operations.sampling import multinomial, normal
from .operations.scattered_reductions import scatter_reduce
from .operations.scattering import (index_add, index_copy, index_fill, index_put, masked_scatter, scatter,
                                    scatter_add)
from .operations.selection import array_equal as equal
from .operations.selection import allclose, array_equal, clamp, clip, masked_fill, where
from .operations.rearranging import vstack as row_stack
from .operations.shaping import split as split_with_sizes
from .operations.shaping import (broadcast_to, cat, chunk, concat, concatenate, expand, flatten, flip, permute,
                                 repeat, reshape, split, squeeze, stack, transpose, unbind, unsqueeze)
from .operations.sorting import (argsort, bincount, kthvalue, median, quantile, searchsorted, sort, topk, unique,
                                 unique_consecutive)
from .operations.statistics import aminmax, corrcoef, cov, cummax, cummin, histc, mode, nanmean, nansum
from .operations.systems import inv as inverse
from .operations.matrix_functions import matrix_exp
from .operations.triangular import cholesky_inverse, cholesky_solve
from .operations.triangles import diagonal, trace, tril, triu
from .operations.typed import (BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor,
                               LongTensor, ShortTensor)
from .core.tensor import Tensor, as_tensor, tensor
from .random import (Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state)
# The last, since they are names of Python's own too.
from .dtypes import (bool, double, dtype, float, float16, float32, float64, half, int, int8, int16, int32, int64, long,
                     short, uint8, uint16, uint32, uint64)
from .dtypes import Size, e, finfo, get_default_dtype, iinfo, inf, nan, newaxis, pi, set_default_dtype
from .backends import Device as device
from .core import public as _public
from .backends.lazy import loader as _loader

_public.publish(globals())
for _switch in (enable_grad, inference_mode, no_grad, set_grad_enabled):
    _public.checks_calls(_switch)

__version__ = "0.2.0"

# Loaded on first use.
_LATER = {"accelerator": "", "array_api": "", "autograd": "", "cuda": "", "data": "", "distributed": "",
          "distributions": "", "func": "vmap", "interop": "", "linalg": "matrix_power", "nn": "", "optim": "",
          "serialization": "load save", "special": "", "utils": ""}
__getattr__ = _loader(__name__, _LATER, _public.published)


# Written by tests/tensor_stub.py.
__all__ = [
    "BackendUnavailable", "BoolTensor", "ByteTensor", "CharTensor", "Device", "DeviceMismatch", "DoubleTensor",
    "FloatTensor", "FormulaError", "Generator", "GradcheckError", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "Size", "Tensor", "abs", "absolute", "accelerator", "acos", "acosh", "add", "addbmm", "addcdiv",
    "addcmul", "addmm", "addmv", "addr", "all", "allclose", "amax", "amin", "aminmax", "any", "arange", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere",
    "array_api", "array_equal", "as_tensor", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d",
    "atleast_3d", "autograd", "backends", "baddbmm", "bernoulli", "bincount", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "block_diag", "bmm", "bool",
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "cartesian_prod", "cat", "cdist", "ceil",
    "celu", "cholesky_inverse", "cholesky_solve", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone",
    "column_stack", "combinations", "concat", "concatenate", "copysign", "corrcoef", "cos", "cosh", "count_nonzero",
    "cov", "cpu_kernels", "cross", "cuda", "cummax", "cummin", "cumprod", "cumsum", "data", "default_device",
    "default_generator", "deg2rad", "det", "detach", "device", "diag", "diag_embed", "diagflat", "diagonal", "diff",
    "digamma", "dist", "distributed", "distributions", "div", "divide", "dot", "double", "dropout", "dsplit",
    "dstack", "dtype", "e", "einsum", "elementwise", "empty", "empty_like", "enable_grad", "eq", "equal", "erf",
    "erfc", "erfinv", "exp", "exp2", "expand", "expand_as", "expm1", "eye", "finfo", "fix", "flatten", "flip",
    "fliplr", "flipud", "float", "float16", "float32", "float64", "float_power", "floor", "floor_divide", "fmax",
    "fmin", "fmod", "frac", "from_dlpack", "from_numpy", "full", "full_like", "func", "functions", "gather", "ge",
    "ger", "get_backend", "get_default_dtype", "get_num_threads", "get_rng_state", "grad", "gradcheck", "greater",
    "greater_equal", "gt", "half", "hamming_window", "hann_window", "heaviside", "histc", "hsplit", "hstack", "hypot",
    "iinfo", "index_add", "index_copy", "index_fill", "index_put", "index_select", "inf", "inference_mode",
    "initial_seed", "inner", "int", "int16", "int32", "int64", "int8", "interop", "inverse", "is_floating_point",
    "is_grad_enabled", "is_nonzero", "is_same_size", "is_signed", "is_tensor", "isclose", "isfinite", "isin", "isinf",
    "isnan", "isneginf", "isposinf", "kron", "kthvalue", "ldexp", "le", "lerp", "less", "less_equal", "lgamma",
    "linalg", "linspace", "load", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2",
    "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logspace",
    "logsumexp", "long", "lt", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul",
    "matrix_exp", "matrix_power", "max", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mm", "mode",
    "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv", "nan", "nan_to_num", "nanmean", "nansum",
    "narrow", "ne", "neg", "negative", "newaxis", "nextafter", "nn", "no_grad", "nonzero", "norm", "normal",
    "not_equal", "numel", "one_hot", "ones", "ones_like", "optim", "outer", "pad", "permute", "pi", "pinverse",
    "poisson", "positive", "pow", "prelu", "prod", "quantile", "rad2deg", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "random", "randperm", "ravel", "reciprocal", "relu", "remainder", "renorm",
    "repeat", "repeat_interleave", "reshape", "result_type", "roll", "rot90", "round", "row_stack", "rowwise",
    "rrelu", "rsqrt", "save", "scalar_tensor", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "seed",
    "select", "selu", "serialization", "set_cpu_kernels", "set_default_device", "set_default_dtype",
    "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_rng_state", "sgn", "short", "sigmoid",
    "sign", "signbit", "sin", "sinc", "sinh", "slogdet", "softmax", "sort", "special", "split", "split_with_sizes",
    "sqrt", "square", "squeeze", "stack", "std", "std_mean", "sub", "subtract", "sum", "swapaxes", "swapdims", "t",
    "take", "take_along_dim", "tan", "tanh", "tensor", "tensor_split", "tensordot", "threshold", "tile", "topk",
    "trace", "transpose", "trapezoid", "trapz", "tril", "tril_indices", "triu", "triu_indices", "true_divide",
    "trunc", "uint16", "uint32", "uint64", "uint8", "unbind", "unflatten", "unique", "unique_consecutive",
    "unsqueeze", "utils", "var", "var_mean", "vdot", "vecdot", "view_as", "vmap", "vsplit", "vstack", "where",
    "xlogy", "zeros", "zeros_like"]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *" ".join(_LATER.values()).split()})
