"""L-BFGS: quasi-Newton steps from the gradients of the last steps."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Optional

from ..core.grad_mode import enable_grad, no_grad
from ..core.tensor import Tensor
from ..operations.products import dot
from ..operations.shaping import cat
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, check_at_least_zero

_CURVED = 1e-10  # pairs with less curvature are skipped


class LBFGS(Optimizer):
    """L-BFGS, as in PyTorch; `step` needs a closure, which it calls several times.

    In each iteration d = -H g, where H estimates the inverse Hessian from the last `history_size` pairs of changes of
    the parameters and of the gradient.  Then p = p + t d with t = lr, or, with ``line_search_fn="strong_wolfe"``, a t
    that satisfies the strong Wolfe conditions.
    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Programming 45,
    1989.

    >>> x = Tensor([3.0, -1.0], requires_grad=True)
    >>> optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - Tensor([1.0, 2.0])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> x.detach().round(decimals=4)
    tensor([1., 2.])
    """

    _numbers = frozenset({"func_evals", "n_iter", "t", "H_diag", "prev_loss"})
    _vectors = frozenset({"d", "prev_flat_grad"})
    _lists = frozenset({"old_dirs", "old_stps", "ro"})

    def __init__(self, params: Iterable[Any], lr: float = 1.0, max_iter: int = 20, max_eval: Optional[int] = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: Optional[str] = None):
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, {"lr": lr, "max_iter": max_iter, "max_eval": max_eval,
                                  "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                                  "history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS has one step size for all parameters, so it takes one group of them")

    def check(self, options: Mapping[str, Any]) -> None:
        check_at_least_zero(options, "lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change", "history_size")
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: `line_search_fn` is None or \"strong_wolfe\"; got {options['line_search_fn']!r}")

    # -- all parameters as one vector -------------------------------------------------------------------------
    def _gradient(self) -> Tensor:
        return cat([(Tensor.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.parameters])

    def _move(self, direction: Tensor, step: float) -> None:
        start = 0
        for parameter in self.parameters:
            part = direction[start:start + parameter.numel()].reshape(parameter.shape)
            parameter.copy_(parameter.add(part, alpha=step))
            start += parameter.numel()

    def _evaluated(self, closure: Callable[[], Any]) -> tuple[float, Tensor]:
        with enable_grad():
            loss = float(closure())
        self._check_all()
        return loss, self._gradient()

    # -- the steps --------------------------------------------------------------------------------------------
    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """Run up to `max_iter` iterations; returns the loss at their start."""
        if closure is None:
            raise TypeError("LBFGS.step needs a closure that forgets the gradients, computes the loss, calls "
                            "backward() and returns the loss: the loss is computed many times in a step")
        with enable_grad():
            first = closure()
        self._check_all()
        with no_grad():
            state = self.state.setdefault(self.parameters[0], {"func_evals": 0, "n_iter": 0})
            state["func_evals"] += 1
            self._iterate(closure, state, float(first), self._gradient())
        return first

    def _iterate(self, closure: Callable[[], Any], state: dict[str, Any], loss: float, gradient: Tensor) -> None:
        options, evaluations = self.param_groups[0], 1
        tolerance, is_last = options["tolerance_change"], options["max_iter"] == 0
        iteration = 0
        while not is_last and _largest(gradient) > options["tolerance_grad"]:
            iteration += 1
            state["n_iter"] += 1
            direction = self._direction(state, gradient)
            state.update(d=direction, prev_flat_grad=gradient, prev_loss=loss)
            state["t"] = options["lr"] * (min(1.0, 1.0 / gradient.abs().sum().item()) if state["n_iter"] == 1 else 1.0)
            slope = _dot(gradient, direction)
            if slope > -tolerance:
                return
            is_last = iteration == options["max_iter"]
            point, more = self._searched(closure, state, Point(0.0, loss, gradient, slope), is_last,
                                         options["max_eval"] - evaluations)
            loss, gradient, state["t"] = point.loss, point.gradient, point.step
            evaluations += more
            state["func_evals"] += more
            is_last = (is_last or evaluations >= options["max_eval"] or _largest(direction) * state["t"] <= tolerance
                       or abs(loss - state["prev_loss"]) < tolerance)

    def _direction(self, state: dict[str, Any], gradient: Tensor) -> Tensor:
        """-H g, after updating H by the last step."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        change, moved = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = _dot(change, moved)
        kept = state["old_dirs"], state["old_stps"], state["ro"]
        if curvature > _CURVED:
            for history, latest in zip(kept, (change, moved, 1.0 / curvature)):
                history.append(latest)
                del history[:-self.param_groups[0]["history_size"] or None]
            state["H_diag"] = curvature / _dot(change, change)
        direction: Tensor = -gradient
        shares: list[float] = []
        for change, moved, ro in reversed(list(zip(*kept))):
            shares.append(_dot(moved, direction) * ro)
            direction = direction.add(change, alpha=-shares[-1])
        direction = direction * state["H_diag"]
        for (change, moved, ro), share in zip(zip(*kept), reversed(shares)):
            direction = direction.add(moved, alpha=share - _dot(change, direction) * ro)
        return direction

    def _searched(self, closure: Callable[[], Any], state: dict[str, Any], start: Point,
                  is_last: bool, most: int) -> tuple[Point, int]:
        """Move along the direction; returns the point reached and the number of evaluations, at most `most` and one
        more.
        """
        direction, step, options = state["d"], state["t"], self.param_groups[0]
        if options["line_search_fn"] is None:
            self._move(direction, step)
            if is_last:  # the next step evaluates this point
                return start._replace(step=step), 0
            loss, gradient = self._evaluated(closure)
            return Point(step, loss, gradient, 0.0), 1
        before = [parameter.clone() for parameter in self.parameters]

        def evaluate(at: float) -> Point:
            self._move(direction, at)
            loss, gradient = self._evaluated(closure)
            for parameter, value in zip(self.parameters, before):
                parameter.copy_(value)
            return Point(at, loss, gradient, _dot(gradient, direction))

        point, count = strong_wolfe(evaluate, start, step, _largest(direction), options["tolerance_change"], most)
        self._move(direction, point.step)
        return point, count

    # -- state ------------------------------------------------------------------------------------------------
    def _fitted(self, index: Any, parameter: Tensor, state: Mapping[str, Any]) -> dict[str, Any]:
        names = self._numbers | self._vectors | self._lists
        missing = names - set(state) if state.get("n_iter") else ()
        if missing:
            self._refuse(f"missing: {', '.join(sorted(missing))}")
        size = sum(p.numel() for p in self.parameters)
        fitted: dict[str, Any] = {}
        for name in names & set(state):
            values = state[name] if name in self._lists else [state[name]]
            is_number = name in self._numbers or name == "ro"
            made = [_number(value) if is_number else self._vector(name, value, size, parameter) for value in values]
            fitted[name] = made if name in self._lists else made[0]
        return fitted

    def _vector(self, name: str, value: Any, size: int, parameter: Tensor) -> Tensor:
        if getattr(value, "shape", None) != (size,):
            self._refuse(f"`{name}` must have shape {(size,)}; got {value!r:.80}")
        return Tensor(value.numpy() if isinstance(value, Tensor) else value, dtype=parameter.dtype,
                      device=parameter.device)


def _number(value: Any) -> float:
    return value.item() if isinstance(value, Tensor) else value


def _dot(a: Tensor, b: Tensor) -> float:
    return dot(a, b).item()


def _largest(vector: Tensor) -> float:
    return float(vector.abs().max().item())
