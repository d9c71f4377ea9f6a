"""What optimizers have in common: the parameters, and a state for each of them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

import numpy as np

from ..core.grad_mode import no_grad
from ..core.tensor import Tensor


class Optimizer:
    """Base class: `step` changes every parameter that has a gradient, in place.

    A subclass states `update` for one parameter.  Options such as `lr` are attributes, and may be changed between
    steps.
    """

    options: tuple[str, ...] = ()  # the attributes that belong to the saved state

    def __init__(self, parameters: Iterable[Tensor]):
        self.parameters = list({id(parameter): parameter for parameter in parameters}.values())
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} was given no parameters")
        for parameter in self.parameters:
            if not isinstance(parameter, Tensor) or not parameter.is_leaf:
                raise TypeError(f"{type(self).__name__} changes leaf tensors, as model.parameters() gives them; got "
                                f"{parameter!r:.80}")
        self.states: list[dict[str, Any]] = [{} for _ in self.parameters]

    def step(self) -> None:
        """Change the parameters by their gradients."""
        with no_grad():
            for parameter, state in zip(self.parameters, self.states):
                if parameter.grad is not None:
                    self.update(parameter, parameter.grad, state)

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any]) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say how a parameter changes: define update()")

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The options and, for each parameter, copies of its state as NumPy arrays and numbers."""
        states = [{name: np.array(value.numpy()) if isinstance(value, Tensor) else value
                   for name, value in state.items()} for state in self.states]
        return {"options": {name: getattr(self, name) for name in self.options}, "states": states}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        if len(saved["states"]) != len(self.parameters):
            raise ValueError(f"the state is that of {len(saved['states'])} parameter(s); there are "
                             f"{len(self.parameters)}")
        for name, value in saved["options"].items():
            setattr(self, name, value)
        self.states = [
            {name: Tensor(value, dtype=parameter.dtype, device=parameter.device) if isinstance(value, np.ndarray)
             else value for name, value in state.items()}
            for parameter, state in zip(self.parameters, saved["states"])]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self.options)})"


def check_at_least_zero(**options: float) -> None:
    for name, value in options.items():
        if not value >= 0:
            raise ValueError(f"`{name}` must be at least 0; got {value}")
