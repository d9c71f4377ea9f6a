"""Calls of modules with other parameters and buffers."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from ...core.public import publish_own
from ...core.tensor import Tensor
from ..module import Module


def functional_call(module: Module,
                    parameter_and_buffer_dicts: Union[Mapping[str, Tensor], Sequence[Mapping[str, Tensor]]],
                    args: Any = None, kwargs: Optional[Mapping[str, Any]] = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:
    """Call a module with tensors of one or several dictionaries instead of its own.

    Names are those of `named_parameters` and `named_buffers`; the given tensors get the gradients.

    Parameters
    ----------
    args : the input, or a tuple of inputs.
    tie_weights : whether a tensor with several names is replaced under all of them.
    strict : raise an error if a name is missing.

    >>> from gradcore.nn import Linear
    >>> functional_call(Linear(1, 1), {"weight": Tensor([[2.0]]), "bias": Tensor([1.0])}, Tensor([3.0]))
    tensor([7.])
    """
    dicts = [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else [
        *parameter_and_buffer_dicts]
    given: dict[str, Any] = {name: value for one in dicts for name, value in one.items()}
    own = dict(_named(module, False))
    unknown, missing = [name for name in given if name not in own], [name for name in own if name not in given]
    if unknown or strict and missing:
        raise ValueError(f"functional_call: {type(module).__name__} has no {', '.join(unknown)}" if unknown else
                         f"functional_call: `strict` is True, and there is no {', '.join(missing)}")
    replaced = {name: given.get(name) for name in given}
    if tie_weights:
        of = {id(own[name]): value for name, value in given.items()}
        replaced.update({name: of[id(value)] for name, value in own.items() if name not in given and id(value) in of})
    inputs = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, value in replaced.items():
            _put(module, name, value)
        return module(*inputs, **(kwargs or {}))
    finally:
        for name in replaced:
            _put(module, name, own[name])


def _named(module: Module, once: bool) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=once)
    yield from module.named_buffers(remove_duplicate=once)


def _put(module: Module, path: str, value: Any) -> None:
    """Set an attribute of a module to `value`, whatever its kind."""
    place, _, name = path.rpartition(".")
    object.__setattr__(module.get_submodule(place), name, value)


publish_own(globals())
