"""The base class of optimizers: parameter groups with options, and a state for each parameter."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, cast

from ..core.public import checks_calls
from ..core.elementwise import Elementwise
from ..core.dimensions import is_integer
from ..core.grad_mode import enable_grad, no_grad
from ..core.accumulation import refuse_gradient
from ..core.tensor import Tensor


_UNCHANGEABLE = (float, int, bool, tuple, str, type(None))


@checks_calls
class Optimizer:
    """Base class: `step` updates every parameter that has a gradient, in place.

    `params` are tensors, or dicts of a group's tensors ("params") and its own options; `defaults` are the options of
    groups that do not give them.  A subclass defines `update` for one parameter.  Setting an option as an attribute, as
    in ``optimizer.lr = 0.1``, sets it in all groups.

    >>> class SignDescent(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr, "maximize": False})
    ...     def update(self, parameter, gradient, state, group):
    ...         parameter.sub_(group["lr"] * gradient.sign())
    ...
    >>> x = Tensor([1.0, -2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> SignDescent([x], lr=0.5).step()
    >>> x.detach()
    tensor([ 0.5, -1.5])
    """

    kept: frozenset[Any] = frozenset()  # the names of the tensors in a parameter's state
    counted: frozenset[Any] = frozenset()  # the names of the numbers in it
    optional: frozenset[Any] = frozenset()  # those of either that only some options use
    _unchecked = ("check", "later", "update")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any]):
        self.state: dict[Tensor, dict[str, Any]] = {}
        self._delayed: dict[tuple[Any, ...], list[Any]] = {}  # the calls of `later`
        self._checked: dict[int, list[Any]] = {}  # the options of each group that have passed `check`
        self.param_groups: list[dict[str, Any]] = []
        self.defaults: dict[str, Any] = dict(defaults)
        self._check_options(self.defaults)
        params = [params] if isinstance(params, Tensor) else list(params)
        if not params:
            raise ValueError(f"{type(self).__name__} was given no parameters")
        for group in params if isinstance(params[0], Mapping) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group of parameters: {"params": tensors, option: value, ...}."""
        name = type(self).__name__
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise TypeError(f"{name}: a group must be a dict with \"params\"; got {param_group!r:.80}")
        given = param_group["params"]
        tensors = list({id(p): p for p in ([given] if isinstance(given, Tensor) else given)}.values())
        for tensor in tensors:
            if not isinstance(tensor, Tensor) or not tensor.is_leaf:
                raise TypeError(f"{name} needs leaf tensors, such as those of model.parameters(); got {tensor!r:.80}")
        known = {id(parameter) for parameter in self.parameters}
        if any(id(tensor) in known for tensor in tensors):
            raise ValueError(f"{name}: a parameter is in more than one group")
        group = {**self.defaults, **param_group, "params": tensors}
        self._check_options(group)
        self.param_groups.append(group)

    @property
    def parameters(self) -> list[Tensor]:
        """The parameters of all groups."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """Update the parameters by their gradients; `closure`, if given, computes these and returns the loss."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._check_all()
        with no_grad():
            self._change_all()
        return loss

    def _change_all(self) -> None:
        """Update the parameters, after all checks."""
        self._delayed.clear()  # remains of a failed step
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradient = -parameter.grad if group["maximize"] else parameter.grad
                    self.update(parameter, gradient, self.state.setdefault(parameter, {}), group)
        self._do_together()

    def later(self, formula: Elementwise[Any], inputs: Sequence[Any], out: tuple[Tensor, ...],
              **constants: float) -> None:
        """Queue a formula whose results `step` writes to `out`, for many parameters in one launch.

        It must be the last operation of `update` on these tensors.
        """
        self._delayed.setdefault((formula, *constants.items()), []).append((inputs, out))

    def _do_together(self) -> None:
        delayed, self._delayed = self._delayed, {}
        for (formula, *constants), calls in delayed.items():
            formula.into_each(calls, **dict(constants))

    def _check_all(self) -> None:
        """Raise an error for options and gradients that would fail during the update."""
        for which, group in enumerate(self.param_groups):
            self._check_changed(which, group)
            for i, parameter in enumerate(group["params"]):
                refuse_gradient(parameter, parameter.grad, f"{type(self).__name__}.step: the gradient of parameter {i}")

    def _check_changed(self, which: int, group: Mapping[str, Any]) -> None:
        """Check the options of a group, unless they are the same objects as in the last step."""
        options = [value for name, value in group.items() if name != "params"]
        known = self._checked.get(which, ())
        if len(options) != len(known) or not all(map(operator.is_, options, known)):
            self._check_options(group)
            can_change = any([value.__class__ not in _UNCHANGEABLE for value in options])
            self._checked[which] = [] if can_change else options

    def _check_options(self, options: Mapping[str, Any]) -> None:
        for name, usual in self.defaults.items():
            if isinstance(usual, bool) and not isinstance(options[name], (bool, int)):
                raise TypeError(f"`{name}` must be True or False; got {options[name]!r:.80}")
        self.check(options)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise an error for options out of range."""

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: Mapping[str, Any]) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define update()")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients to None, or to zeros."""
        for parameter in self.parameters:
            parameter.grad = None if set_to_none or parameter.grad is None else Tensor.zeros_like(parameter.grad)

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {name: value}}, "param_groups": [...]}, where "params" holds indices.

        The tensors are copies, since steps change the optimizer's own in place.
        """
        index = {parameter: i for i, parameter in enumerate(self.parameters)}
        return {"state": {index[parameter]: {name: value.clone() if isinstance(value, Tensor) else value
                                              for name, value in state.items()}
                           for parameter, state in self.state.items()},
                "param_groups": [{**group, "params": [index[parameter] for parameter in group["params"]]}
                                 for group in self.param_groups]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a `state_dict`.

        Raises
        ------
        ValueError : groups, names or shapes do not match this optimizer, which is then unchanged.
        """
        owners = dict(zip(self._checked_indices(state_dict), self.parameters))
        loaded = {}
        for index, state in state_dict["state"].items():
            if index not in owners:
                self._refuse(f"there is no parameter {index!r}")
            loaded[owners[index]] = self._fitted(index, owners[index], state)
        for group, new in zip(self.param_groups, state_dict["param_groups"]):
            group.update({name: value for name, value in new.items() if name != "params"})
        self.state = loaded

    def _checked_indices(self, state_dict: Any) -> list[int]:
        """The indices of all parameters in the groups of a state, which must match the optimizer's."""
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            self._refuse("it must be a dict with \"state\" and \"param_groups\"")
        saved = state_dict["param_groups"]
        if not isinstance(saved, (list, tuple)) or not all(
                isinstance(new, Mapping) and isinstance(new.get("params"), (list, tuple)) for new in saved):
            self._refuse(f'"param_groups" must be a list of dicts with a list "params" each; got {saved!r:.80}')
        indices = [index for new in saved for index in new["params"]]
        if not all(map(is_integer, indices)) or len(set(indices)) < len(indices):
            self._refuse(f"parameters are numbered, each by a number of its own; got {indices!r:.80}")
        if not isinstance(state_dict["state"], Mapping) or not all(
                isinstance(state, Mapping) for state in state_dict["state"].values()):
            self._refuse(f'"state" must be a dict of dicts; got {state_dict["state"]!r:.80}')
        if len(saved) != len(self.param_groups):
            self._refuse(f"it has {len(saved)} group(s); there are {len(self.param_groups)}")
        for group, new in zip(self.param_groups, saved):
            missing = set(group) - set(new)
            if missing:
                self._refuse(f"missing in a group: {', '.join(sorted(missing))}")
            if len(new["params"]) != len(group["params"]):
                self._refuse(f"a group has {len(new['params'])} parameter(s), not {len(group['params'])}")
            self._check_options(new)
        return indices

    def _fitted(self, index: Any, parameter: Tensor, state: Mapping[str, Any]) -> dict[str, Any]:
        """The saved state of one parameter as new tensors of its dtype, on its device."""
        fitted: dict[str, Any] = {}
        missing = (self.kept | self.counted) - self.optional - set(state)
        if state and missing:
            self._refuse(f"parameter {index} has no {', '.join(sorted(missing))}")
        for name, value in state.items():
            if name in self.counted:
                if getattr(value, "shape", ()) != () or not isinstance(value, (int, float, Tensor)):
                    self._refuse(f"`{name}` of parameter {index} must be a number; got {value!r:.80}")
                fitted[name] = value.item() if isinstance(value, Tensor) else value
                if not 0 <= fitted[name] < math.inf:
                    self._refuse(f"`{name}` of parameter {index} must be finite and at least 0; got {value!r:.80}")
            elif name not in self.kept:
                self._refuse(f"`{name}` of parameter {index} is unknown")
            elif getattr(value, "shape", None) != parameter.shape:
                self._refuse(f"`{name}` of parameter {index} must have shape {parameter.shape}; got {value!r:.80}")
            else:
                value = value.numpy() if isinstance(value, Tensor) else value
                fitted[name] = Tensor(value, dtype=parameter.dtype, device=parameter.device)
        return fitted

    def _refuse(self, problem: str) -> None:
        raise ValueError(f"{type(self).__name__}.load_state_dict: {problem}")

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("defaults", ()):
            return self.param_groups[0][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("defaults", ()):
            for group in self.param_groups:
                group[name] = value
        else:
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self.defaults)})"


def refuse_ways(optimizer: Optimizer, capturable: bool = False, differentiable: bool = False) -> None:
    """Raise NotImplementedError for unsupported modes of PyTorch.

    `foreach` and `fused` need no check: a step is one kernel anyway, for each parameter or for many.
    """
    for option, is_wanted in (("capturable", capturable), ("differentiable", differentiable)):
        if is_wanted:
            raise NotImplementedError(f"{type(optimizer).__name__}: `{option}` is not supported")


def check_at_least_zero(options: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not check_number(name, options[name]) >= 0:
            raise ValueError(f"`{name}` must be at least 0; got {options[name]}")


def check_number(name: str, value: Any) -> float:
    """The value of an option; raises TypeError unless it is a number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"`{name}` must be a number; got {value!r:.80}")
    return cast(float, value)


def two_numbers(name: str, values: Any) -> tuple[float, float]:
    """The values of an option, refused where it is no pair of numbers."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise TypeError(f"`{name}` must be two numbers; got {values!r:.80}")
    return check_number(name, values[0]), check_number(name, values[1])


def check_betas(betas: Any) -> None:
    if not all(0 <= beta < 1 for beta in two_numbers("betas", betas)):
        raise ValueError(f"`betas` must be at least 0 and less than 1; got {betas}")
