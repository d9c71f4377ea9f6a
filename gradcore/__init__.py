"""Tensors with automatic differentiation, on the CPU and on CUDA, from formulas that are written once.

>>> import gradcore
>>> x = gradcore.arange(-2.0, 3.0, requires_grad=True)
>>> (x ** 2).sum().backward()
>>> x.grad
tensor([-4., -2.,  0.,  2.,  4.])
"""

from __future__ import annotations

import os as _os

# In a bare checkout the folder `backends` lies beside this one; once installed it is a subfolder.
if not _os.path.isdir(_os.path.join(__path__[0], "backends")):
    __path__.append(_os.path.dirname(__path__[0]))

from . import methods as _methods  # noqa: E402  (adds operators and methods to Tensor)
from . import cuda  # noqa: E402
from .arithmetic import (abs, arctan, ceil, cos, cosh, erf, exp, exp2, expm1, floor, isfinite, isinf, isnan,  # noqa: E402
                         log, log1p, log2, logaddexp, logical_and, logical_not, logical_or, logical_xor, maximum,
                         minimum, pow, reciprocal, round, rsqrt, sign, sin, sinh, sqrt, square, trunc)
from .backends import (BackendUnavailable, Device, DeviceMismatch, FormulaError, default_device,  # noqa: E402
                       get_backend, set_default_device)
from .creation import (arange, empty, empty_like, eye, full, full_like, linspace, ones, ones_like, zeros,  # noqa: E402
                       zeros_like)
from .elementwise import elementwise  # noqa: E402
from .grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled  # noqa: E402
from .gradients import GradcheckError, grad, gradcheck  # noqa: E402
from .indexing import gather, index_select, masked_select, nonzero, one_hot, take  # noqa: E402
from .linear_algebra import matmul  # noqa: E402
from .random import (bernoulli, manual_seed, rand, rand_like, randint, randn, randn_like, randperm)  # noqa: E402
from .reduction import (all, amax, amin, any, argmax, argmin, count_nonzero, cumsum, logsumexp, max, mean,  # noqa: E402
                        min, norm, prod, std, sum, var)
from .selection import allclose, array_equal, clamp, clip, masked_fill, where  # noqa: E402
from .shaping import (broadcast_to, cat, chunk, concat, concatenate, expand, flatten, flip, permute, repeat,  # noqa: E402
                      reshape, split, squeeze, stack, transpose, unbind, unsqueeze)
from .tensor import Tensor, as_tensor, tensor  # noqa: E402

__version__ = "0.1.0"
