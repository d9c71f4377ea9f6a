"""`Module`: the base class of layers and models, which form a tree."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Optional, TypeVar, Union

import numpy as np

from ..backends.formulas.dtypes import FLOAT16, FLOAT32, FLOAT64, kind_of
from ..core.public import call_in_words, checks_calls
from ..core.hooks import Handle
from ..core.dimensions import is_integer
from ..core.tensor import DeviceLike, Tensor
from ..operations.conversion import place_named
from .hooks import Hooks, with_options
from .parameter import Buffer, Parameter
from .printing import html_of, printed
from .state import IncompatibleKeys, load_into, read

PARAMETER, BUFFER, MODULE = "parameter", "buffer", "module"


Self = TypeVar("Self", bound="Module")


@checks_calls
class Module:
    """Base class of layers and models.

    A subclass assigns parameters, buffers and other modules to attributes and defines `forward`:

    >>> class Scale(Module):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = Parameter(factor)
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> scale = Scale(3.0)
    >>> scale(Tensor([1.0, 2.0])).tolist()
    [3.0, 6.0]
    >>> [name for name, parameter in scale.named_parameters()]
    ['factor']
    """

    training = True  # whether the module is in training mode
    _hooks: Optional[Hooks] = None
    _kinds: dict[str, str]
    _transient: set[str]
    _unchecked = ("forward", "__call__")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checks_calls(cls)

    def __new__(cls: type[Self], *args: Any, **options: Any) -> Self:
        module = super().__new__(cls)
        # The attributes that are part of the tree, with their kinds, and the buffers that are no part of the state.
        module.__dict__.update(_kinds={}, _transient=set())
        return module

    if TYPE_CHECKING:
        forward: Callable[..., Any]  # each module has its own parameters
    else:
        def forward(self, *inputs: Any) -> Any:
            raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            if self._hooks is None:
                return self.forward(*inputs, **options)
            return self._hooks.call(self, inputs, options)
        except Exception as error:
            words = call_in_words(error, self, inputs, options)
            if words is error:
                raise
            raise words

    # -- attributes -------------------------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        kind, known = _kind(value), self._kinds.get(name)
        if known is not None and kind != known:
            if kind is None and known == BUFFER and isinstance(value, Tensor):
                kind = BUFFER
            elif value is not None and kind != PARAMETER:
                raise TypeError(f"{type(self).__name__}.{name} is a {known}; it takes a {known} or None, and got a "
                                f"{type(value).__name__}" + _ADVICE.get(known, ""))
        if kind is not None:
            self._kinds[name] = kind
            if kind == BUFFER and not getattr(value, "persistent", True):
                self._transient.add(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._kinds.pop(name, None)
        self._transient.discard(name)

    def register_parameter(self, name: str, param: Optional[Parameter]) -> None:
        """Register `param`, or None as a placeholder, as the attribute `name`."""
        self._register(name, param, PARAMETER, Parameter)

    def register_buffer(self, name: str, tensor: Optional[Tensor], persistent: bool = True) -> None:
        """Register a tensor that is not learned as the attribute `name`; a persistent one is part of the state."""
        self._register(name, tensor, BUFFER, Tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def register_module(self, name: str, module: Optional["Module"]) -> None:
        """Register `module` as the attribute `name`."""
        self._register(name, module, MODULE, Module)

    add_module = register_module

    def _register(self, name: str, value: Any, kind: str, wanted: type) -> None:
        of = f"{type(self).__name__}.register_{kind}"
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"{of}: a name is a string without dots, and not empty; got {name!r}")
        if hasattr(self, name) and name not in self._kinds:
            raise KeyError(f"{of}: the attribute {name!r} exists already")
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{of}: {name!r} must be a {wanted.__name__} or None; got {type(value).__name__}")
        object.__setattr__(self, name, value)
        self._kinds[name] = kind

    def _own(self, kind: str) -> Mapping[str, Any]:
        """The attributes of one kind, by name; a copy, which must not be modified."""
        return MappingProxyType({name: getattr(self, name) for name, known in self._kinds.items() if known == kind})

    _parameters = property(lambda self: self._own(PARAMETER), doc="The parameters of this module alone.")
    _buffers = property(lambda self: self._own(BUFFER), doc="The buffers of this module alone.")
    _modules = property(lambda self: self._own(MODULE), doc="The modules that are attributes of this one.")

    # -- the tree ---------------------------------------------------------------------------------------------
    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The direct submodules with their names, each once."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator["Module"]:
        return (child for _, child in self.named_children())

    def named_modules(self, memo: Optional[set[Any]] = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, "Module"]]:
        """This module and all its descendants with their paths ("" for this one).

        Each occurs once unless `remove_duplicate` is False; those in `memo` are skipped.
        """
        seen = set() if memo is None else memo
        return _paths(self, prefix, seen if remove_duplicate else None, frozenset())

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def _named_tensors(self, kind: str, prefix: str, recurse: bool,
                       remove_duplicate: bool) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else ((prefix, self),)
        for path, module in modules:
            for name, tensor in module._own(kind).items():
                if tensor is not None and not (remove_duplicate and id(tensor) in seen):
                    seen.add(id(tensor))
                    yield _joined(path, name), tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their paths, such as "0.weight", each once; without `recurse`, those of this module
        only.
        """
        named: Iterator[Any] = self._named_tensors(PARAMETER, prefix, recurse, remove_duplicate)
        return named

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters("", recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their paths; see `named_parameters`."""
        return self._named_tensors(BUFFER, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers("", recurse))

    def get_submodule(self, target: str) -> "Module":
        """The submodule at a path such as "encoder.0"; raises AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            if module._kinds.get(name) != MODULE:
                raise AttributeError(f"{type(self).__name__} has no module {target!r}" + (
                    f": {type(module).__name__} has no module {name!r}" if name != target else ""))
            module = getattr(module, name)
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight"; raises AttributeError if there is none."""
        parameter: Parameter = self._at(target, PARAMETER)
        return parameter

    def _at(self, target: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if module._kinds.get(name) != kind:
            raise AttributeError(f"{type(self).__name__} has no {kind} {target!r}")
        return getattr(module, name)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "encoder.0.running_mean"; raises AttributeError if there is none."""
        buffer: Tensor = self._at(target, BUFFER)
        return buffer

    def apply(self: Self, fn: Callable[["Module"], Any]) -> Self:
        """Call `fn` with every descendant, then with this module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # -- hooks ------------------------------------------------------------------------------------------------
    def _hook(self, kind: str, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        hooks = self._hooks
        if hooks is None:
            hooks = Hooks()
            object.__setattr__(self, "_hooks", hooks)
        return hooks.add(kind, hook, prepend)

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> Handle:
        """Call ``hook(module, inputs)`` before each `forward`; a result other than None replaces the inputs.

        `with_kwargs`: ``hook(module, inputs, options)``, which returns None or new inputs and options.
        """
        return self._hook("forward_pre", with_options(hook) if with_kwargs else hook, prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                              with_kwargs: bool = False) -> Handle:
        """Call ``hook(module, inputs, output)`` after each `forward`; a result other than None replaces the output.

        `with_kwargs`: ``hook(module, inputs, options, output)``.
        """
        return self._hook("forward", with_options(hook) if with_kwargs else hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known; it may replace them."""
        return self._hook("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known; a result
        other than None replaces them."""
        return self._hook("backward", hook, prepend)

    # -- modes, gradients, devices ----------------------------------------------------------------------------
    def train(self: Self, mode: bool = True) -> Self:
        """Set training mode, or evaluation mode with ``train(False)``, for this module and its descendants."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Set evaluation mode for this module and its descendants."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or to zeros."""
        for parameter in self.parameters():
            parameter.grad = None if set_to_none or parameter.grad is None else Tensor.zeros_like(parameter.grad)

    def to(self: Self, *places: Any, device: DeviceLike = None, dtype: Any = None, non_blocking: bool = False) -> Self:
        """Move parameters and buffers to a device, and floating-point ones to a dtype; parameters stay the same
        objects.

        Devices and dtypes may also be given by position, as in `Tensor.to`.
        """
        device, dtype = place_named(places, device, dtype)
        if dtype is not None and kind_of(np.dtype(dtype)) < 2:
            raise TypeError(f"{type(self).__name__}.to: parameters hold floats; got dtype {np.dtype(dtype)}")
        moved: dict[int, Tensor] = {}
        for module in self.modules():
            for name, tensor in {**module._parameters, **module._buffers}.items():
                if tensor is not None:
                    if id(tensor) not in moved:
                        moved[id(tensor)] = _moved(tensor, device, dtype)
                    setattr(module, name, moved[id(tensor)])
        return self

    def cpu(self: Self) -> Self:
        return self.to("cpu")

    def cuda(self: Self, device: Union[int, DeviceLike] = None) -> Self:
        return self.to(f"cuda:{device}" if is_integer(device) else device or "cuda")

    def half(self: Self) -> Self:
        return self.to(FLOAT16)

    def float(self: Self) -> Self:
        return self.to(FLOAT32)

    def double(self: Self) -> Self:
        return self.to(FLOAT64)

    # -- state ------------------------------------------------------------------------------------------------
    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """All parameters and buffers by path; those with several paths occur under each.

        The tensors share the memory of the module's and have no history; with `keep_vars` they are the module's own.
        A module with values other than tensors defines `get_extra_state`, which returns them, and `set_extra_state`.
        """
        return read(self, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,
                        assign: bool = False) -> IncompatibleKeys:
        """Load the values of a `state_dict`; with `strict`, its names must match exactly.

        If anything does not match, nothing is changed.  With `assign` the module uses the given tensors themselves.
        """
        return load_into(self, state_dict, strict, assign)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, prefix, keep_vars)`` before `state_dict` reads this module."""
        return self._hook("state_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` when this module is read; it may change it."""
        return self._hook("state", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``
        before a state is checked; it may change a copy of the mapping."""
        return self._hook("load_pre", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, incompatible_keys)`` when a state has been loaded."""
        return self._hook("load", hook)

    # -- how it prints ----------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """The text in the parentheses of the module's repr."""
        return ""

    def __repr__(self) -> str:
        return printed(self, Module.__repr__)

    def _repr_html_(self) -> str:
        return html_of(self)


_ADVICE = {PARAMETER: ": write nn.Parameter(tensor), or copy the values with `.data.copy_(tensor)`"}


def _kind(value: Any) -> Optional[str]:
    """The kind of tree attribute that a value becomes, if any."""
    if isinstance(value, Parameter):
        return PARAMETER
    if isinstance(value, Module):
        return MODULE
    return BUFFER if isinstance(value, Buffer) else None


def _paths(module: Module, path: str, seen: Optional[set[Any]], above: frozenset[Any]) -> Iterator[tuple[str, Module]]:
    """`module` and all its descendants with their paths; each once if `seen` is a set, and cycles are skipped."""
    if module in above or seen is not None and module in seen:
        return
    if seen is not None:
        seen.add(module)
    yield path, module
    for name, child in module._modules.items():
        if child is not None:
            yield from _paths(child, _joined(path, name), seen, above | {module})


def _moved(tensor: Tensor, device: DeviceLike, dtype: Any) -> Tensor:
    """`tensor` on a device and in a dtype; parameters stay the same object."""
    moved = tensor.detach().to(device=device, dtype=dtype if kind_of(tensor.dtype) == 2 else None)
    if not isinstance(tensor, (Parameter, Buffer)):
        return tensor if moved._array is tensor._array else moved
    tensor._array, tensor._backend, tensor._versions = moved._array, moved._backend, moved._versions
    if tensor.grad is not None:
        tensor.grad = tensor.grad.detach().to(device=device, dtype=dtype)
    return tensor


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
