"""`Neuron`: the unit of networks."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from .. import functions
from ..operations.linear_algebra import matmul
from ..operations.shaping import transpose
from ..core.tensor import DeviceLike, Tensor
from . import init
from .module import Module
from .parameter import Parameter, draw_uniform, unfilled

# Every activation without required arguments.
_BY_NAME: dict[str, Callable[[Any], Tensor]] = {**functions.ACTIVATIONS, "silu": functions.silu, "gelu": functions.gelu,
                                                "softmax": functions.softmax, "log_softmax": functions.log_softmax}


class Neuron(Module):
    """A neuron, y = f(w·x + b), or several with the same inputs.

    Each input has a weight.  The neuron sums the weighted inputs and its bias and applies the activation f::

        x₁ ── w₁ ─┐
        x₂ ── w₂ ─┼─▶ Σ + b ──▶ f ──▶ y
        x₃ ── w₃ ─┘

    Source: McCulloch and Pitts, "A Logical Calculus of the Ideas Immanent in Nervous Activity", 1943; Rosenblatt,
    "The Perceptron", 1958.

    Parameters
    ----------
    in_features : the number of inputs: x has the shape (..., in_features).
    out_features : the number of neurons: y has the shape (..., out_features).  None means one neuron: y has the shape
        (...), and the weight is a vector.
    activation : f, as a function or a module, by name ("relu", "tanh", ...), or None for the sum itself.
    bias : whether there is a bias b.

    >>> neuron = Neuron(2, activation="relu")
    >>> _ = neuron.load_state_dict({"weight": [1.0, -2.0], "bias": 0.5})
    >>> neuron(Tensor([[3.0, 1.0], [0.0, 1.0]])).tolist()
    [1.5, 0.0]
    """

    def __init__(self, in_features: int, out_features: Optional[int] = None,
                 activation: Union[str, Callable[..., Any], None] = "sigmoid", bias: bool = True,
                 device: DeviceLike = None):
        self.in_features, self.out_features = in_features, out_features
        neurons = () if out_features is None else (out_features,)
        self.weight: Parameter = unfilled((*neurons, in_features), device)
        self.bias: Optional[Parameter] = unfilled(neurons, device) if bias else None
        self.activation = _activation(activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize weight and bias."""
        draw_uniform(self, init.bound_for(self.in_features))

    def forward(self, x: Any) -> Tensor:
        total = matmul(x, transpose(self.weight))
        total = total if self.bias is None else total + self.bias
        return total if self.activation is None else self.activation(total)

    def extra_repr(self) -> str:
        name = getattr(self.activation, "__name__", None) or repr(self.activation)
        return (f"in_features={self.in_features}, out_features={self.out_features}, activation={name}, "
                f"bias={self.bias is not None}")


def _activation(activation: Union[str, Callable[..., Any], None]) -> Optional[Callable[..., Any]]:
    if isinstance(activation, str):
        if activation not in _BY_NAME:
            raise ValueError(f"there is no activation {activation!r} that needs nothing but its input; known are "
                             f"{', '.join(_BY_NAME)}. Pass any other as a function or a module")
        return _BY_NAME[activation]
    if activation is not None and not callable(activation):
        raise TypeError(f"an activation is a function, a module, a name or None; got {activation!r}")
    return activation
