"""Parameters beside PyTorch's: their names, order and defaults, in every room; what differs is listed with its reason.

PyTorch's functions that are not written in Python show their parameters in their docstrings.
"""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any, Iterator, Optional

import pytest

import gradcore
from gradcore import Tensor
from gradcore.core.formula import FormulaOperation
from gradcore.core.synonyms import translated
from library import ROOT

ROOMS = ("", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "optim", "optim.lr_scheduler", "utils.data",
         "distributions", "autograd", "linalg", "special", "autograd.functional", "func", "optim.swa_utils",
         "nn.utils.parametrize", "nn.utils.parametrizations", "utils.checkpoint")

# README, "Coming from PyTorch": what no function has, or only some.
NOT_TAKEN = {"out", "layout", "memory_format", "pin_memory", "pickle_module", "pickle_protocol", "mmap",
             "_use_new_zipfile_serialization", "_disable_byteorder_record", "weights_only", "map_location"}
# What PyTorch has given up, what tells its own machinery something, or the rarest.
RARE = {
    "nn.Hardtanh": "min_value max_value", "autograd.backward": "grad_variables", "from_dlpack": "device copy",
    "autograd.gradcheck": "nondet_tol check_undefined_grad check_grad_dtypes check_batched_grad "
                          "check_batched_forward_grad check_forward_ad check_backward_ad fast_mode masked",
    "autograd.gradgradcheck": "nondet_tol check_undefined_grad check_grad_dtypes check_batched_grad "
                              "check_fwd_over_rev check_rev_over_rev fast_mode masked",
    "func.jacrev": "chunk_size _preallocate_and_copy", "func.jacfwd": "randomness", "linalg.matrix_exp": "A",
    "matrix_exp": "A",
    "addmm": "out_dtype", "baddbmm": "out_dtype", "bmm": "out_dtype", "mm": "out_dtype", "cov": "fweights aweights",
    "pinverse": "rcond", "pow": "self", "tensor_split": "sections indices", "true_divide": "dividend divisor",
    "searchsorted": "values", "Tensor.fill_diagonal_": "wrap", "linalg.matrix_rank": "hermitian",
    "linalg.pinv": "atol hermitian", "linalg.solve": "left", "linalg.svd": "driver", "linalg.svdvals": "driver",
    "linalg.vecdot": "x y", "Tensor.random_": "from", "Tensor.uniform_": "from", "enable_grad": "orig_func",
    "Tensor.cov": "fweights aweights", "Tensor.dot": "other", "Tensor.atanh": "other", "Tensor.arctanh": "other",
    "autograd.enable_grad": "orig_func",
}
# What the docstrings of methods call otherwise than the functions do themselves.
MISCALLED = set("value divisor tensor2 batch2 y indices dimension split_size_or_sections tensor exponent".split())
# Defaults that mean the same: None for PyTorch's choice, which is named here.
ALIKE = {("norm", "p"), ("meshgrid", "indexing"), ("data.random_split", "generator"), ("trapezoid", "dx"),
         ("trapz", "dx"), ("nn.Buffer", "data"), ("nn.Parameter", "data"), ("nn.utils.parametrize.Parameter", "data"),
         ("load", "weights_only"), ("nn.utils.rnn.PackedSequence", "batch_sizes")}


def _member(library: Any, name: str) -> Any:
    """A module or class of a library by its dotted name; "" is the library itself."""
    return functools.reduce(getattr, filter(None, name.split(".")), library)


def _parameters(function: Any) -> Optional[list[inspect.Parameter]]:
    """Those that a caller gives, in order; None where they cannot be seen."""
    function = getattr(function, "operation", function)
    if isinstance(function, FormulaOperation):
        constants = dict(zip(function.constants, function.defaults))
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [*[inspect.Parameter(name, kind) for name in function.arrays],
                *[inspect.Parameter(name, kind, default=value) for name, value in constants.items()]]
    try:
        found = [*inspect.signature(function).parameters.values()]
    except (ValueError, TypeError):
        return None
    are_any = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return None if are_any <= {parameter.kind for parameter in found} else found


def _variadic(parameters: list[inspect.Parameter]) -> Optional[int]:
    """The place of the parameter that takes any number of arguments, if there is one."""
    return next((i for i, parameter in enumerate(parameters) if parameter.kind is parameter.VAR_POSITIONAL), None)


def _shown(default: Any) -> str:
    """A default in words in which those of both libraries are alike."""
    if isinstance(default, tuple):
        return str(tuple(default))
    name = getattr(default, "__name__", getattr(default, "name", None))
    return str(name if callable(default) else float(default) if isinstance(default, int) else default)


def _unlike(room: str, name: str, ours: list, theirs: list) -> Iterator[str]:
    full = f"{room}.{name}".strip(".")
    left_out = NOT_TAKEN | set(RARE.get(full, "").split())
    names = [parameter.name for parameter in ours]
    named = [parameter for parameter in theirs if parameter.name in names or parameter.name not in left_out
             and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]
    own = {parameter.name: parameter for parameter in ours}
    rest = _variadic(ours)
    for place, parameter in enumerate(named):
        known = parameter.name
        if known not in own:
            args, kwargs = translated((), {known: 0}, names, rest)
            known = next(iter(kwargs), known)
            if args:
                continue
        if known not in own:
            yield f"{full}: {parameter.name} is missing"
            continue
        is_placed = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and rest is None
        if is_placed and names.index(known) != place:
            yield f"{full}: {parameter.name} stands at {names.index(known)}, not at {place}"
        default = own[known].default
        if parameter.default is not parameter.empty and (full, known) not in ALIKE \
                and (full.removeprefix("utils."), known) not in ALIKE and _shown(default) != _shown(parameter.default):
            yield f"{full}: {parameter.name}={default!r}, not {parameter.default!r}"


@pytest.mark.parametrize("room", ROOMS)
def test_parameters_are_pytorchs(room, torch):
    ours, theirs = [_member(library, room) for library in (gradcore, torch)]
    found, count = [], 0
    for name in dir(theirs):
        if name.startswith("_") or not hasattr(ours, name) or name in ("Tensor", "device", "Generator"):
            continue
        function = getattr(theirs, f"{name}_with_indices", getattr(theirs, name)) if room == "nn.functional" \
            else getattr(theirs, name)
        pair = [_parameters(member) if callable(member) else None for member in (getattr(ours, name), function)]
        if None not in pair:
            found += _unlike(room, name, *pair)
            count += 1
    assert (count or room in ("linalg", "special")) and not found


# -- parameters that docstrings show ----------------------------------------------------------------------------------
def _documented(function: Any, name: str) -> Iterator[list[str]]:
    """The names of parameters in the signatures that a docstring shows."""
    text = (getattr(function, "__doc__", None) or "")[:3000]
    head = rf"(?m)^\s*(?:linalg\.|special\.)?{re.escape(name)}"
    for shown in re.findall(head + r"\(([^\n)]*(?:\([^\n)]*\))?[^\n)]*)\) *->", text):
        parts = [part.strip() for part in re.split(r",(?![^\[(]*[\])])", shown)]
        found = [re.match(r"^(\w+)\s*(=.*)?$", part) for part in parts]
        yield [match[1] for match in found if match]


@pytest.mark.parametrize("owner", ["", "Tensor", "linalg", "special"])
def test_parameters_of_docstrings_are_known(owner, torch):
    ours, theirs = [_member(library, owner) for library in (gradcore, torch)]
    found, count = [], 0
    for name in dir(theirs):
        if name.startswith("_") or not callable(getattr(ours, name, None)) or not callable(getattr(theirs, name)):
            continue
        parameters = _parameters(getattr(ours, name))
        if parameters is None:  # of operations in place: those of the operation
            parameters = _parameters(getattr(ours, name.rstrip("_"), None)) or []
        names = [parameter.name for parameter in parameters]
        rest = _variadic(parameters)
        full = f"{owner}.{name}".strip(".")
        left_out = NOT_TAKEN | set(RARE.get(full, RARE.get(full.rstrip("_"), "")).split()) | {"requires_grad"}
        for signature in _documented(getattr(theirs, name), name):
            count += 1
            for place, known in enumerate(signature):
                if known in left_out or owner == "Tensor" and known in MISCALLED:
                    continue
                given = (0,) if owner == "Tensor" or place else ()
                args, kwargs = translated(given, {known: 0}, names, rest)
                if not len(args) > len(given) and next(iter(kwargs)) not in names \
                        and known not in ("axis", "keepdims", "dims"):
                    found.append(f"{full}: {known}")
    assert count > (100 if owner in ("", "Tensor") else 5) and not found


def test_what_is_not_taken_stands_in_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Coming from PyTorch\n")[1].split("\n## ")[0]
    assert all(f"`{name}" in text for name in ("out=", "layout", "memory_format", "pin_memory"))
    assert Tensor.ones(2).add(1).tolist() == [2, 2]
