"""The operators and methods of `Tensor`: functions of other modules, added to the class here.

>>> Tensor([3, 4]).norm()
tensor(5.)
>>> x = Tensor([[1, 2, 3]])
>>> x.T.shape, x.mT.shape, x.ndimension(), x.nbytes, x.itemsize
((3, 1), (3, 1), 2, 12, 4)
>>> x.cpu().is_cpu, x.cpu().is_cuda
(True, False)
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Optional

import numpy as np

from .operations import (arithmetic, bits, conversion, creation, determinants, elementary, extrema, facts, gamma,
                         indexing, inplace, interchange, linear_algebra, norms, options, pieces, products, random,
                         rarer, rearranging, reduction, sampling, scattered_reductions, scattering, selection, shaping,
                         sorting, statistics, systems, triangles)
from . import functions
from .core import hooks
from .core.arguments import checked
from .core.elementwise import Elementwise
from .core.tensor import DeviceLike, Tensor

_METHODS: dict[Any, str] = {
    arithmetic: "abs ceil cos cosh erf exp exp2 expm1 floor isfinite isinf isnan log log1p log2 log10 logaddexp "
                "logical_and logical_not logical_or logical_xor maximum minimum reciprocal rsqrt sign sin sinh "
                "sqrt square trunc tan arcsin asin arccos acos arctan atan mul multiply neg negative "
                "pow floor_divide remainder eq ne lt le gt ge copysign hypot nextafter signbit",
    bits: "bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor",
    conversion: "to cpu cuda pin_memory record_stream type_as half double long short clone contiguous",
    determinants: "det logdet slogdet",
    elementary: "arcsinh asinh arccosh acosh arctanh atanh arctan2 atan2 clamp_max clamp_min erfinv fmod isclose lerp "
                "logit nan_to_num xlogy addcdiv addcmul deg2rad frac heaviside rad2deg sinc",
    facts: "data_ptr element_size get_device is_contiguous is_floating_point is_nonzero is_same_size is_signed stride "
           "new_empty new_full new_ones new_tensor new_zeros",
    functions: "relu sigmoid tanh softmax log_softmax",
    gamma: "digamma lgamma",
    hooks: "register_hook register_post_accumulate_grad_hook retain_grad",
    indexing: "gather index_select masked_select nonzero take",
    inplace: "copy_ fill_ fill_diagonal_ zero_",
    linear_algebra: "matmul",
    options: "add sub div round",
    pieces: "argwhere diag diagflat diag_embed dsplit hsplit vsplit fliplr flipud ravel reshape_as rot90 "
            "tensor_split unflatten",
    products: "addbmm addmm addmv addr baddbmm bmm inner vdot cross cumprod diff dot kron mm mv outer vecdot",
    rarer: "dist erfc float_power fmax fmin isneginf isposinf ldexp logaddexp2 logcumsumexp msort positive renorm "
           "unfold",
    rearranging: "expand_as movedim narrow repeat_interleave roll select swapaxes swapdims t take_along_dim tile "
                 "view_as",
    extrema: "all amax amin any argmax argmin count_nonzero max min",
    norms: "logsumexp norm",
    reduction: "cumsum mean prod std sum var",
    sampling: "bernoulli_ exponential_ multinomial normal_ random_ uniform_",
    scattering: "index_add index_copy index_fill index_put masked_scatter scatter scatter_add",
    scattered_reductions: "scatter_reduce",
    selection: "allclose clamp clip masked_fill",
    shaping: "broadcast_to chunk expand flatten flip permute repeat reshape split squeeze transpose unbind unsqueeze",
    sorting: "argsort bincount kthvalue median quantile sort topk unique unique_consecutive",
    statistics: "aminmax corrcoef cov cummax cummin histc mode nanmean nansum",
    triangles: "diagonal trace tril triu",
}

_RENAMED: dict[str, Callable[..., Any]] = {
    "float": conversion.float_, "int": conversion.int_, "bool": conversion.bool_, "type": conversion.type_,
    "astype": conversion.to,
    "absolute": arithmetic.abs, "bernoulli": random.bernoulli, "view": shaping.reshape, "equal": selection.array_equal,
    "moveaxis": rearranging.movedim, "ger": products.outer,
    "greater": arithmetic.greater, "greater_equal": arithmetic.greater_equal, "less": arithmetic.less,
    "less_equal": arithmetic.less_equal, "not_equal": arithmetic.not_equal, "true_divide": options.div,
    "divide": options.div, "subtract": options.sub, "nelement": facts.numel, "ndimension": Tensor.dim,
    "inverse": systems.inv, "pinverse": determinants.pinv, "fix": arithmetic.trunc, "sgn": arithmetic.sign,
    "split_with_sizes": shaping.split, "char": conversion.int8_, "byte": conversion.uint8_,
}

_FACTORIES: dict[Any, str] = {
    creation: "arange empty empty_like eye full full_like linspace ones ones_like zeros zeros_like",
    random: "rand rand_like randint randint_like randn randn_like randperm",
}

_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": arithmetic.add, "sub": arithmetic.subtract, "mul": arithmetic.multiply, "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide, "mod": arithmetic.remainder, "pow": arithmetic.power,
    "matmul": linear_algebra.matmul, "and": bits.bitwise_and, "or": bits.bitwise_or, "xor": bits.bitwise_xor,
    "lshift": bits.bitwise_left_shift, "rshift": bits.bitwise_right_shift,
}

_COMPARISONS: dict[str, Callable[..., Any]] = {
    "lt": arithmetic.less, "le": arithmetic.less_equal, "gt": arithmetic.greater, "ge": arithmetic.greater_equal,
}

# Their in-place forms write results to the tensor's memory: add_, exp_, ...
_IN_PLACE: dict[Any, str] = {
    arithmetic: "mul multiply pow floor_divide remainder neg negative abs exp log sqrt square reciprocal floor ceil "
                "cos cosh erf exp2 expm1 log10 log1p log2 logical_and logical_not logical_or logical_xor rsqrt sign "
                "sin sinh tan trunc acos arccos asin arcsin atan arctan copysign hypot nextafter eq ne lt le gt ge "
                "greater greater_equal less less_equal not_equal",
    bits: "bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor",
    elementary: "acosh addcdiv addcmul arccosh arcsinh arctan2 arctanh asinh atan2 atanh clamp_max clamp_min deg2rad "
                "erfinv fmod frac heaviside lerp logit nan_to_num rad2deg sinc xlogy",
    functions: "relu sigmoid tanh",
    gamma: "digamma lgamma",
    options: "add sub div round",
    products: "addbmm addmm addmv addr baddbmm cumprod",
    rarer: "erfc float_power ldexp renorm",
    reduction: "cumsum",
    scattered_reductions: "scatter_reduce",
    scattering: "index_add index_copy index_fill index_put masked_scatter scatter scatter_add",
    selection: "clamp clip masked_fill",
    triangles: "tril triu",
}

_IN_PLACE_RENAMED: dict[str, Callable[..., Any]] = {
    "absolute": arithmetic.abs, "divide": options.div, "true_divide": options.div, "subtract": options.sub,
    "fix": arithmetic.trunc, "sgn": arithmetic.sign,
}

# In their in-place forms the tensor itself becomes the view: squeeze_, ...
_RESHAPED_IN_PLACE: dict[Any, str] = {shaping: "squeeze transpose unsqueeze", rearranging: "swapaxes swapdims t"}


def _method(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`function` as a method; operations are not Python functions and do not bind to a tensor by themselves."""
    if not isinstance(function, Elementwise):
        return checked(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result: Tensor = function(self, *args, **kwargs)
        return result

    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", function.__doc__
    vars(method)["operation"] = function  # for its signature
    return method


def _operator(function: Callable[..., Any]) -> Callable[..., Any]:
    function = function if isinstance(function, Elementwise) else checked(function)
    return lambda self, other: function(self, other)


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    function = function if isinstance(function, Elementwise) else checked(function)
    return lambda self, other: function(other, self)


def _equality(function: Callable[..., Any]) -> Callable[..., Any]:
    """== or !=, which Python handles itself for values that are not operands (None, a string)."""
    numeric = (Tensor, int, float, np.generic, np.ndarray, list, tuple)
    return lambda self, other: (function(self, other) if isinstance(other, numeric) or hasattr(other, "dtype")
                                else NotImplemented)


def _where(x: Tensor, condition: Any, other: Any) -> Tensor:
    """`x` where the condition is True, else `other`.

    >>> Tensor([1.0, -2.0]).where(Tensor([True, False]), 0.0)
    tensor([1., 0.])
    """
    return selection.where(condition, x, other)


_STANDARD = ("2021.12", "2022.12", "2023.12", "2024.12")


def _array_namespace(self: Tensor, *, api_version: Optional[str] = None) -> Any:
    """The functions of the array API standard, `gradcore.array_api`, for all its versions up to 2024.12."""
    if api_version not in (None, *_STANDARD):
        raise ValueError(f"the versions of the array API standard that tensors know are {', '.join(_STANDARD)}; got "
                         f"{api_version!r}")
    return importlib.import_module(".array_api", __package__)  # only some programs need it


def _to_device(self: Tensor, device: DeviceLike, /, *, stream: Any = None) -> Tensor:
    """The tensor on a device; itself if it is already there.  Work is queued on the current stream.

    >>> Tensor([1.0, 2.0]).to_device("cpu")
    tensor([1., 2.])
    """
    if stream is not None:
        raise ValueError(f"to_device queues work on the device's current stream; got stream={stream!r}")
    return conversion.to(self, device=device)


def _complex(self: Tensor) -> complex:
    return complex(self.item())


def members() -> dict[str, Any]:
    """The members added to the class, by name."""
    functions: dict[str, Any] = dict(_RENAMED)
    for module, names in _METHODS.items():
        functions.update((name, getattr(module, name)) for name in names.split())
    members = {name: _method(function, name) for name, function in functions.items()}
    for module, names in _FACTORIES.items():
        members.update((name, staticmethod(checked(getattr(module, name)))) for name in names.split())
    for module, names in _IN_PLACE.items():
        members.update((f"{name}_", checked(inplace.in_place(getattr(module, name), f"{name}_")))
                       for name in names.split())
    members.update((f"{name}_", checked(inplace.in_place(function, f"{name}_")))
                   for name, function in _IN_PLACE_RENAMED.items())
    for module, names in _RESHAPED_IN_PLACE.items():
        members.update((f"{name}_", checked(inplace.reshaped_in_place(getattr(module, name), f"{name}_")))
                       for name in names.split())
    for name, function in _OPERATORS.items():
        members[f"__{name}__"] = _operator(function)
        members[f"__r{name}__"] = _reflected(function)
        members[f"__i{name}__"] = checked(inplace.in_place(function, f"__i{name}__"))
    members.update((f"__{name}__", _operator(function)) for name, function in _COMPARISONS.items())
    members.update(dict[str, Any](
        __eq__=_equality(arithmetic.equal), __ne__=_equality(arithmetic.not_equal),
        __neg__=lambda self: arithmetic.negative(self), __pos__=lambda self: self,
        __abs__=lambda self: arithmetic.abs(self), __invert__=checked(bits.bitwise_not),
        __getitem__=checked(indexing.getitem, "indexing"), __setitem__=checked(inplace.setitem, "assignment"),
        nbytes=property(facts.nbytes, doc="Bytes of all elements."),
        itemsize=property(facts.element_size, doc="Bytes of one element."),
        is_cpu=property(facts.is_cpu, doc="Whether it lives on the CPU."),
        is_cuda=property(facts.is_cuda, doc="Whether it lives on a CUDA device."),
        T=property(shaping.transpose, doc="The dimensions in reverse order."),
        mT=property(shaping.matrix_transpose, doc="The last two dimensions swapped."),
        __array_namespace__=_array_namespace, to_device=checked(_to_device, "to_device"), __complex__=_complex,
        __dlpack__=interchange.dlpack, __dlpack_device__=interchange.dlpack_device,
        __cuda_array_interface__=property(interchange.cuda_array_interface),
        where=checked(_where, "where"),
    ))
    return members


for _name, _member in members().items():
    setattr(Tensor, _name, _member)
for _name, _named in (("__init__", "Tensor"), ("backward", "backward"), ("requires_grad_", "requires_grad_")):
    setattr(Tensor, _name, checked(getattr(Tensor, _name), _named))
