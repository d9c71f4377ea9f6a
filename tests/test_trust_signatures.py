"""Every public function and method is called at random: right arguments, and one among them that may be anything.

Either there is a result, or an error in the library's own words that names the function; NumPy's warnings and its
errors never come through, and what was refused has changed no tensor.
"""

from __future__ import annotations

import inspect
import types
import warnings
from typing import Any

import numpy as np

import gradcore
from gradcore import Tensor, functions
from gradcore.core import arguments
from gradcore.core.formula import FormulaOperation

ROUNDS = 20
DUNDERS = ("add radd sub mul truediv floordiv mod pow rpow matmul rmatmul and or xor lt ge eq getitem setitem iadd "
           "imul ipow iand imatmul invert neg abs init").split()
# What changes the library itself, what calls functions of the user, and what is no call of a user's.
LEFT_OUT = {"set_default_device", "set_cpu_kernels", "set_num_threads", "manual_seed", "set_rng_state", "elementwise",
            "rowwise", "gradcheck", "save", "load", "loader"}
ANYTHING = [
    None, "a", "", True, False, 0, 1, 2, -1, -2, 5, -7, 2 ** 63, 2 ** 70, 0.5, -0.5, 1.5, 1e300, float("nan"),
    float("inf"), -float("inf"), [], [0], [1, 0], [0, 0], [-1], [1.5], ["a"], [None], (), (1,), (0, 1), (2, 3), (3, 2),
    (-1,), (True,), {}, {"a": 1}, set(), object(), b"x", 1j, np.float32(2), np.int64(1), np.bool_(True), np.ones(3),
    np.ones((2, 3), "f4"), np.array("x"), np.array([1, 2], dtype=object), np.array([1j]), slice(None), ..., range(2),
    print, int, "float32", "int64", "cpu", "mean", "none", "floor", "linear", [[1, 2], [3]], [[1.0, 2.0, 3.0]]]


def _surface() -> dict[str, Any]:
    found = {}
    for owner, prefix in ((gradcore, ""), (functions, "functions."), (Tensor, "Tensor.")):
        for name in {**vars(owner), **dict.fromkeys(getattr(owner, "__all__", ()))}:  # some load on first use
            value = inspect.getattr_static(owner, name, None) or getattr(owner, name)
            value = getattr(value, "__func__", value)
            is_public = not name.startswith("_") or owner is Tensor and name.strip("_") in DUNDERS
            if is_public and name not in LEFT_OUT and isinstance(value, (types.FunctionType, FormulaOperation)):
                found[prefix + name] = value
    return found


SURFACE = _surface()


def _parameters(function: Any) -> list[inspect.Parameter]:
    if not isinstance(function, FormulaOperation):
        return list(inspect.signature(function).parameters.values())
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    constants = zip(function.constants, function.defaults)
    return [*[inspect.Parameter(name, kind, annotation="Tensor") for name in function.arrays],
            *[inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation="float", default=default)
              for name, default in constants]]


PARAMETERS = {name: _parameters(function) for name, function in SURFACE.items()}


class Caller:
    """Random calls on one device."""

    def __init__(self, device: Any, rng: np.random.Generator):
        self.rng = rng
        shapes = [((2, 3), "float32"), ((2, 3), "float32"), ((3,), "float32"), ((), "float32"), ((0,), "float32"),
                  ((2, 0), "float32"), ((3, 3), "float64"), ((2, 3), "int64"), ((2, 3), "uint8"), ((3,), "int64"),
                  ((2,), "bool"), ((2, 3), "bool"), ((2, 3), "float16"), ((2, 3, 2, 2), "float32"), ((), "int64"),
                  ((2, 3), "int8"), ((3, 3), "float64")]
        with np.errstate(all="ignore"):
            values = [np.abs(rng.normal(size=shape) * 3).astype(dtype) for shape, dtype in shapes]
            values += [values[0] * np.float32(1e38), values[0] * np.float32("nan"), values[0] / np.float32(0)]
        values = [value for value in values if value.dtype != np.float16 or device == "cpu"]  # not all devices have it
        self.tensors = [Tensor(value, device=device, requires_grad=i in (1, 6)) for i, value in enumerate(values)]

    def one_of(self, values: list) -> Any:
        return values[self.rng.integers(len(values))]

    def fitting(self, parameter: inspect.Parameter) -> Any:
        """What the annotation asks for, with luck."""
        hint = str(parameter.annotation)
        if hint == "Tensor" or parameter.name in ("self", "x", "input", "a"):
            return self.one_of(self.tensors)
        if "bool" in hint:
            return self.one_of([True, False])
        if "int" in hint or hint == "Dims":
            return self.one_of([-2, -1, 0, 1, 2, 3])
        if "float" in hint or hint == "Number":
            return self.one_of([0.0, 0.5, 1.0, 2.0, -1.0])
        if "Sequence[" in hint:
            return [self.one_of(self.tensors) for _ in range(self.rng.integers(1, 3))]
        return self.one_of([self.one_of(self.tensors), 1, 0.5, [0, 1], self.one_of(ANYTHING)])

    def arguments(self, name: str) -> tuple[list, dict]:
        parameters = PARAMETERS[name]
        odd = self.rng.integers(max(len(parameters), 1))
        args, kwargs = [], {}
        for i, parameter in enumerate(parameters):
            is_self = name.startswith("Tensor.") and i == 0
            value = self.one_of(ANYTHING) if i == odd and not is_self else self.fitting(parameter)
            if is_self and not isinstance(value, Tensor):
                value = self.tensors[0]
            by_name = parameter.kind is parameter.KEYWORD_ONLY or len(args) < i
            if parameter.kind is parameter.VAR_POSITIONAL:
                args += [value] * self.rng.integers(1, 3)
            elif parameter.kind is parameter.VAR_KEYWORD or parameter.default is not parameter.empty and i != odd \
                    and self.rng.random() < 0.5:
                continue
            elif by_name:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        return args, kwargs


def _own_name(name: str, function: Any) -> set[str]:
    """The names that may stand in the words: an alias is called by the name of what it is an alias of."""
    last = name.rpartition(".")[2].strip("_")
    inside = inspect.getclosurevars(function).nonlocals.get("function") if inspect.isfunction(function) else function
    return {last, getattr(function, "__name__", last).strip("_"), getattr(inside, "name", last)}


def _foreign(error, *rest):
    raise AssertionError(f"{type(error).__name__} of another library: {error}")


def test_random_calls(backend, rng, monkeypatch):
    monkeypatch.setattr(arguments, "_foreign", _foreign)
    caller, faults = Caller(backend.device, rng), []
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in [*SURFACE] * ROUNDS:
            args, kwargs = caller.arguments(name)
            versions = [tensor._versions[0] for tensor in caller.tensors]
            try:
                SURFACE[name](*args, **kwargs)
            except (MemoryError, gradcore.BackendUnavailable):
                continue
            except AssertionError as error:
                if "has no float16" not in str(error):  # which not all devices have
                    faults.append(f"{name}{tuple(map(arguments.described, args))} {kwargs}: {error}")
            except Exception as error:
                words = str(error)
                is_named = name.startswith("Tensor.__") or any(own in words for own in _own_name(name, SURFACE[name]))
                is_kept = versions == [tensor._versions[0] for tensor in caller.tensors]
                if not (arguments.is_own(error) and is_named and is_kept) and not name.endswith("__init__"):
                    faults.append(f"{name}{tuple(map(arguments.described, args))} {kwargs}: "
                                  f"{type(error).__name__} {words}")
            else:
                if versions != [tensor._versions[0] for tensor in caller.tensors]:
                    with np.errstate(all="ignore"):  # changed in place, as it was asked to
                        caller = Caller(backend.device, rng)
    assert not faults, "\n".join(faults)


def test_numpy_settings_change_nothing(backend):
    """What is infinite or NaN is meant so, whatever the caller has set with numpy.seterr."""
    big = Tensor(np.full((2, 2), 3e38, "f4"), device=backend.device, requires_grad=True)
    half = Tensor(np.full(3, 6e4, "f2" if backend.device == "cpu" else "f4"), device=backend.device)

    def results():
        big.grad = None
        results = [big + big, big @ big, big.cumsum(0), big.prod(), big.sum(), big.var(), (big - big) / 0, big.log(),
                   (-big).sqrt(), half * 2, half.sum(), big.double().exp(), big.norm(), big.max() * 2,
                   gradcore.linspace(0, float("inf"), 3, device=backend.device), gradcore.full((2,), 1e300),
                   gradcore.tensor(1e300, device=backend.device), functions.softmax(big * 10, -1),
                   gradcore.einsum("ij,jk", big, big)]
        (big * big).sum().backward()
        big.grad += big.grad
        return [result.detach().tolist() for result in (*results, big.grad)]

    with np.errstate(all="ignore"):
        expected = results()
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert str(results()) == str(expected)
        assert np.geterr()["over"] == "raise"
