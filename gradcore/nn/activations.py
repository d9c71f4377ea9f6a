"""The activations as modules.

Those without parameters are generated from their functions, whose constants become options of the module.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Optional

from .. import functions
from ..core.arguments import check_count
from ..core.public import Unstated
from ..core.formula import FormulaOperation
from ..core.tensor import DeviceLike, Tensor, as_tensor
from ..functions.exponentials import softplus_up_to
from ..functions.parametric import check_slopes
from ..functions.softmax import implied_dim
from ..operations.inplace import in_place_if
from .init import constant_
from .module import Module
from .parameter import unfilled


class Activation(Module):
    """Base class of modules that apply one function; its options are constructor arguments and attributes.

    >>> ELU(alpha=0.5)
    ELU(alpha=0.5)
    """

    function: Callable[..., Tensor] = Unstated()  # type: ignore[assignment]
    signature = inspect.Signature()
    inplace = False

    def __init__(self, *args: Any, **kwargs: Any):
        check_count(type(self).__name__, self.signature, args, kwargs)
        options = self.signature.bind(*args, **kwargs)
        options.apply_defaults()
        if isinstance(self.function, FormulaOperation):
            self.function.check_constants(options.arguments)
        for name, value in options.arguments.items():
            setattr(self, name, value)
        self._options = tuple([name for name in options.arguments if name != "inplace"])

    def forward(self, input: Any) -> Tensor:
        return in_place_if(self.inplace, self.function, input, **{name: getattr(self, name) for name in self._options})

    def extra_repr(self) -> str:
        of_function = [name for name in self._options if self.signature.parameters[name].kind is not _BY_NAME
                       or getattr(self, name) != self.signature.parameters[name].default]
        return ", ".join(f"{name}={getattr(self, name)}" for name in (*of_function, *["inplace"] * self.inplace))


_DOCSTRING = """{0}

See `gradcore.functions.{1}`.

>>> x = Tensor([-1.0, 0.5, 2.0, 4.0])
>>> ({2}()(x) == functions.{1}(x)).all()
tensor(True)
"""

_INPLACE = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
_BY_NAME = inspect.Parameter.KEYWORD_ONLY


def _module(name: str, function: Callable[..., Any], inplace: bool = False, by_name: str = "") -> type[Activation]:
    """A module class for an activation function, whose parameters with a default become options.

    It has `inplace` if PyTorch's module does; options that PyTorch's module lacks are keyword-only (`by_name`).
    """
    options = [parameter for parameter in inspect.signature(function).parameters.values()
               if parameter.default is not parameter.empty]
    parameters = [option for option in options if option.name not in by_name.split()] + [_INPLACE] * inplace
    parameters += [option.replace(kind=_BY_NAME) for option in options if option.name in by_name.split()]
    members = {"function": staticmethod(function), "signature": inspect.Signature(parameters),
               "__signature__": inspect.Signature(parameters), "__module__": __name__,
               "__doc__": _DOCSTRING.format((function.__doc__ or "").splitlines()[0], function.__name__, name)}
    return type(name, (Activation,), members)


ReLU = _module("ReLU", functions.relu, inplace=True)
LeakyReLU = _module("LeakyReLU", functions.leaky_relu, inplace=True)
ELU = _module("ELU", functions.elu, inplace=True)
Swish = _module("Swish", functions.swish)
SiLU = _module("SiLU", functions.silu, inplace=True, by_name="beta")
Sigmoid = _module("Sigmoid", functions.sigmoid)
Tanh = _module("Tanh", functions.tanh)
GELU = _module("GELU", functions.gelu)
SELU = _module("SELU", functions.selu, inplace=True, by_name="alpha gamma")
CELU = _module("CELU", functions.celu, inplace=True)
Mish = _module("Mish", functions.mish, inplace=True)
Softsign = _module("Softsign", functions.softsign)
Hardsigmoid = _module("Hardsigmoid", functions.hardsigmoid, inplace=True)
Hardswish = _module("Hardswish", functions.hardswish, inplace=True)
Hardtanh = _module("Hardtanh", functions.hardtanh, inplace=True)
ReLU6 = _module("ReLU6", functions.relu6, inplace=True)
LogSigmoid = _module("LogSigmoid", functions.logsigmoid)
Softshrink = _module("Softshrink", functions.softshrink)
Hardshrink = _module("Hardshrink", functions.hardshrink)
Tanhshrink = _module("Tanhshrink", functions.tanhshrink)
GLU = _module("GLU", functions.glu)


class Threshold(Module):
    """Inputs above a threshold pass, all others become one value: see `gradcore.functions.threshold`.

    >>> Threshold(1.0, -1.0)(Tensor([0.5, 1.5]))
    tensor([-1. ,  1.5])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Tensor:
        return in_place_if(self.inplace, functions.threshold, input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class Softplus(Module):
    """A smooth rectifier, linear where beta · input exceeds `threshold`: see `nn.functional.softplus`.

    >>> Softplus()(Tensor([-1.0, 0.0, 100.0]))
    tensor([  0.3133,   0.6931, 100.    ])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Tensor:
        return softplus_up_to(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """Probabilities along `dim`: see `nn.functional.softmax`.

    >>> Softmax(dim=0)(Tensor([1.0, 1.0]))
    tensor([0.5, 0.5])
    """

    function = staticmethod(functions.softmax)

    def __init__(self, dim: Optional[int] = None):
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        return self.function(input, implied_dim(self.dim, as_tensor(input).ndim, type(self).__name__))

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """Log-probabilities along `dim`: see `nn.functional.log_softmax`.

    >>> LogSoftmax(dim=0)(Tensor([1.0, 1.0]))
    tensor([-0.6931, -0.6931])
    """

    function = staticmethod(functions.log_softmax)


class Softmin(Softmax):
    """The softmax of the negated input along `dim`: see `nn.functional.softmin`.

    >>> Softmin(dim=0)(Tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    function = staticmethod(functions.softmin)


class Softmax2d(Module):
    """The softmax over the channels of (N, C, H, W) or (C, H, W).

    >>> Softmax2d()(Tensor([[[1.0]], [[1.0]]])).tolist()
    [[[0.5]], [[0.5]]]
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: the input must have 3 or 4 dimensions; got shape {input.shape}")
        return functions.softmax(input, -3)


class PReLU(Module):
    """A leaky rectifier with a learned slope, one or one for each channel (dimension 1 of the input).

    See `gradcore.functions.prelu`.

    >>> PReLU()(Tensor([-2.0, 3.0]))
    tensor([-0.5,  3. ], grad_fn=<parametric_relu>)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: DeviceLike = None, dtype: Any = None):
        self.num_parameters, self.init = num_parameters, init
        self.weight = unfilled((num_parameters,), device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the slope to `init`."""
        constant_(self.weight, self.init)

    def forward(self, input: Any) -> Tensor:
        return functions.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A leaky rectifier with random slopes in training.

    See `gradcore.functions.rrelu`.

    >>> RReLU(0.25, 0.75).eval()(Tensor([-2.0, 3.0]))
    tensor([-1.,  3.])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        check_slopes(lower, upper, "RReLU")
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Tensor:
        return in_place_if(self.inplace, functions.rrelu, input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
