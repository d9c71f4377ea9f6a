"""PyTorch's names of arguments, for functions that name them differently.

`input` is the first argument of any function, and `other` or `exponent` the second.  Sizes and dimensions that are
variadic positional arguments may also be passed as one keyword argument, under any of PyTorch's names.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

_FIRST, _SECOND = frozenset({"x", "x0", "a", "A", "array", "prediction"}), frozenset({"b", "x1"})
_PLACES: dict[str, tuple[int, frozenset[str]]] = {
    "input": (0, _FIRST), "tensor": (0, _FIRST), "ndarray": (0, _FIRST), "ext_tensor": (0, _FIRST),
    "other": (1, _SECOND), "exponent": (1, _SECOND)}
_SPELLINGS = {"size": "shape", "dims": "dim", "split_size_or_sections": "size", "split_size": "size"}
_ONE_BY_ONE = ("size", "sizes", "shape", "dims", "repeats", "dim0", "dim1")


def translated(args: tuple[Any, ...], kwargs: Mapping[str, Any], names: Sequence[str], rest: Optional[int] = None,
               ) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call under the function's own names.

    `names` are those of its parameters, in order; `rest` is the position of the variadic one.

    >>> translated((), {"input": 1, "other": 2}, ("a", "b"))
    ((), {'a': 1, 'b': 2})
    >>> translated((), {"input": 1, "dim0": 2, "dim1": 3}, ("x", "dims"), rest=1)
    ((1, 2, 3), {})
    """
    kwargs = dict(kwargs)
    for theirs in [name for name in kwargs if name not in names or rest is not None and names[rest] == name]:
        place, known = _PLACES.get(theirs, (0, frozenset()))
        ours = names[place] if len(names) > place and names[place] in known else _SPELLINGS.get(theirs)
        if rest is not None and theirs in _ONE_BY_ONE and len(args) <= rest:
            args = (*args, *[kwargs.pop(name) for name in names[len(args):rest] if name in kwargs])
        if rest is not None and theirs in _ONE_BY_ONE and len(args) >= rest:
            value = kwargs.pop(theirs)
            args = (*args, *value) if isinstance(value, (tuple, list)) else (*args, value)
        elif ours is not None and ours in names and ours not in kwargs and names.index(ours) >= len(args):
            kwargs[ours] = kwargs.pop(theirs)
    return args, kwargs
