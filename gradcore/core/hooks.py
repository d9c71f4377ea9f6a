"""Hooks of tensors: functions that receive, and may replace, gradients."""

from __future__ import annotations

import itertools
import weakref
from typing import Any, Callable

from .graph import Node, Watch
from .public import checks_calls
from .tensor import Tensor

_next_key = itertools.count().__next__


@checks_calls
class Handle:
    """The handle of a registered hook; `remove`, or the end of a `with` block, removes the hook."""

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any], first: bool = False):
        if not callable(hook):
            raise TypeError(f"a hook is a function; got {hook!r:.80}")
        self.hooks: dict[int, Callable[..., Any]] = hooks
        self.key: int = _next_key()
        hooks[self.key] = hook
        for key, later in list(hooks.items()) if first else ():
            if key != self.key:  # behind it, without a call after which Ctrl-C might come
                del hooks[key]
                hooks[key] = later

    def remove(self) -> None:
        self.hooks.pop(self.key, None)

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


def register_hook(x: Tensor, hook: Callable[[Tensor], Any]) -> Handle:
    """Call `hook` with the gradient of `x` in each backward pass; a result other than None replaces the gradient.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> handle = register_hook(x, lambda gradient: gradient * 10)
    >>> (x * 3).backward()
    >>> x.grad
    tensor([30.])
    """
    if not x.requires_grad:
        raise RuntimeError("register_hook: the tensor does not require a gradient")
    return Handle(_watch(x).hooks, hook)


def register_post_accumulate_grad_hook(x: Tensor, hook: Callable[[Tensor], Any]) -> Handle:
    """Call `hook` with the leaf `x` in each backward pass, as soon as `x.grad` is complete.

    The backward pass then continues.  If the hook returns a function, it is called at the end of the pass.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> handle = register_post_accumulate_grad_hook(x, lambda leaf: print(leaf.grad))
    >>> (x * 3 + x).backward()
    tensor([4.])
    """
    if not x.requires_grad or not x.is_leaf:
        raise RuntimeError("register_post_accumulate_grad_hook: only leaves that require a gradient accumulate one")
    return Handle(_watch(x).after, hook)


def retain_grad(x: Tensor) -> None:
    """Keep the gradient of a non-leaf tensor in its `grad` too.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> retain_grad(y)
    >>> (3 * y).sum().backward()
    >>> y.grad
    tensor([3., 3.])
    """
    if not x._requires_grad:
        raise RuntimeError("retain_grad() was called on a tensor that does not require a gradient")
    if x._node is not None:
        _watch(x).retains = weakref.ref(x)


def keep_retaining(x: Tensor, before: Node) -> None:
    """Transfer `retain_grad` to the new node of `x`, which was changed in place, from its node `before`."""
    watch = before.watch
    if watch is not None and watch.retains is not None and watch.retains() is x:
        _watch(x).retains, watch.retains = watch.retains, None


def _watch(x: Tensor) -> Watch:
    """The `Watch` of a tensor, created on first use."""
    if x._node is None:
        watch = x._watch = x._watch or Watch()
    else:
        watch = x._node.watch = x._node.watch or Watch()
    return watch
