"""`Function`: user-defined operations with hand-written forward and backward passes, as in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from .grad_mode import is_grad_enabled, no_grad
from .graph import Node, parent_of
from .operation import SavedOutput, SavedTensor, refuse_second_backward
from .outputs import Parts, node_of_output
from .tensor import Tensor


class Context:
    """The context of one call of a `Function`, which saves what its backward pass needs.

    Values other than tensors can be saved as attributes of any name.

    >>> from gradcore import Tensor, autograd
    >>> class Square(autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, gradient):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * gradient
    ...
    >>> x = Tensor([3.0], requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor([6.])
    """

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, name: str, args: Sequence[Any]):
        self._name = name
        self.needs_input_grad: tuple[bool, ...] = tuple([isinstance(arg, Tensor) and arg.requires_grad for arg in args])
        self._to_save: Sequence[Optional[Tensor]] = ()
        self._constant: set[int] = set()
        self._materializes = True

    def save_for_backward(self, *tensors: Optional[Tensor]) -> None:
        """Save tensors for `backward`, which raises RuntimeError if they were changed in place since."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(f"{self._name}: save_for_backward takes tensors or None; got "
                                f"{type(tensor).__name__}. Set other values as attributes of ctx")
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Optional[Tensor], ...]:
        """The tensors passed to `save_for_backward`."""
        return tuple(self._to_save)

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Mark outputs that have no gradient."""
        self._constant = set(map(id, outputs))

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` receives zeros instead of None for outputs without a gradient."""
        self._materializes = bool(value)

    def mark_dirty(self, *inputs: Tensor) -> None:
        raise NotImplementedError(f"{self._name}: a Function cannot change its inputs in place here; return a new "
                                  f"tensor")


class FunctionNode(Node):
    """A recorded call of a `Function`."""

    __slots__ = ("function", "context", "inputs", "outputs", "saved")

    makes_new_arrays = False  # the user's backward pass may return its arguments

    def __init__(self, function: type[Function], context: Context, args: Sequence[Any]):
        super().__init__([parent_of(arg) if isinstance(arg, Tensor) else None for arg in args])
        self.function, self.context = function, context
        self.inputs = [(arg.shape, arg.dtype, arg.device) if isinstance(arg, Tensor) else None for arg in args]

    @property
    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    def lead_to(self, outputs: Sequence[Any], made: Mapping[int, int]) -> None:
        """Make `outputs` results of this node; `made` maps the ids of those with a gradient to their positions."""
        self.outputs = [(output.shape, output.dtype, output._backend) if isinstance(output, Tensor) else None
                        for output in outputs]
        self.saved: Optional[list[Any]] = [
            None if tensor is None else (made[id(tensor)], SavedOutput(tensor)) if id(tensor) in made
            else SavedTensor(tensor) for tensor in self.context._to_save]
        self.context._to_save = ()
        for i in made.values():
            outputs[i]._node, outputs[i]._requires_grad = node_of_output(self, i, len(outputs)), True

    def _saved_value(self, entry: Any) -> Optional[Tensor]:
        if entry is None or isinstance(entry, SavedTensor):
            return None if entry is None else entry.value(self.name)
        i, saved = entry
        value: Tensor = saved.value(node_of_output(self, i, len(self.outputs)))
        return value

    def backward(self, gradient: Any) -> Sequence[Any]:
        saved = self.saved  # read once: another thread may free it
        if saved is None:
            refuse_second_backward(self.name)
        parts = gradient if isinstance(gradient, Parts) else Parts({0: gradient})
        given = [parts[i] if i in parts else self._missing(i) for i in range(len(self.outputs))]
        self.context._to_save = [self._saved_value(entry) for entry in saved]
        try:
            gradients = self.function.backward(self.context, *given)
        finally:
            self.context._to_save = ()  # outputs among them refer to this node: break the cycle
        gradients = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
        while len(gradients) > len(self.inputs) and gradients[-1] is None:
            gradients.pop()
        if len(gradients) != len(self.inputs):
            raise RuntimeError(f"{self.function.__name__}.backward must return a gradient (or None) for each of the "
                               f"{len(self.inputs)} argument(s) of forward; it returned {len(gradients)}")
        return [self._checked(i, gradient) for i, gradient in enumerate(gradients)]

    def _missing(self, i: int) -> Optional[Tensor]:
        facts = self.outputs[i]
        if facts is None or not self.context._materializes:
            return None
        shape, dtype, backend = facts
        return Tensor._wrap(backend.full(shape, 0, dtype), backend)

    def _checked(self, i: int, gradient: Any) -> Optional[Tensor]:
        facts = self.inputs[i]
        if gradient is None or facts is None or not self.context.needs_input_grad[i]:
            return None
        shape, dtype, device = facts
        if not isinstance(gradient, Tensor) or (gradient.shape, gradient.device) != (shape, device):
            got = f"{gradient.shape} on {gradient.device}" if isinstance(gradient, Tensor) else type(gradient).__name__
            raise RuntimeError(f"{self.function.__name__}.backward: the gradient of argument {i} must be a tensor of "
                               f"shape {shape} on {device}; got {got}")
        return gradient if gradient.dtype == dtype else gradient.to(dtype)

    def release(self) -> None:
        self.saved = None


class Function:
    """Base class of user-defined operations: `apply` calls `forward`, and the backward pass calls `backward`.

    ``forward(ctx, *args)`` is not recorded and saves in `ctx` what `backward` needs; alternatively, define
    ``forward(*args)`` and ``setup_context(ctx, inputs, output)``.  ``backward(ctx, *gradients)`` receives the gradients
    of the outputs and returns a gradient, or None, for each argument.  It must compute with tensors, since it is
    recorded for gradients of gradients.

    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, gradient):
    ...         x, = ctx.saved_tensors
    ...         return 3 * x * x * gradient
    >>> x = Tensor([2.0], requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor([12.])
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a Function must define the static method forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what `backward` needs, if `forward` does not take `ctx`."""

    @staticmethod
    def backward(ctx: Context, *gradients: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a differentiable Function must define the static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The recorded result of `forward` for these arguments, which may be tensors or other values."""
        context = Context(cls.__name__, args)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(context, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(context, args, result)
        outputs = cls._recorded(context, args, result if isinstance(result, (tuple, list)) else (result,))
        return tuple(outputs) if isinstance(result, (tuple, list)) else outputs[0]

    @classmethod
    def _recorded(cls, context: Context, args: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
        """The outputs, as results of a node if a gradient is required."""
        given = {id(arg) for arg in args if isinstance(arg, Tensor)}
        results = [output.detach() if id(output) in given else output for output in outputs]
        made = {id(output): i for i, output in enumerate(results)
                if isinstance(output, Tensor) and output.dtype.kind == "f" and id(outputs[i]) not in context._constant}
        if made and is_grad_enabled() and any(context.needs_input_grad):
            FunctionNode(cls, context, args).lead_to(results, made)
        return results
