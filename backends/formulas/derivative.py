"""The derivative of an elementwise formula, by the rules of the table of primitives, and its backward kernel.

Formulas are differentiated in forward mode, with respect to one input at a time.  This keeps `where` outermost: the
derivative of where(c, a, b) is where(c, a', b'), so NaN or infinity in the branch not taken never reaches the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .expression import Apply, Expression, Literal, Operand, Symbol, apply, in_order, rebuilt, rewrite, symbols
from .kernel import Kernel
from .simplify import is_call, is_literal

UPSTREAM = Symbol.array("_upstream")  # the gradient with respect to the kernel's output
OUTPUT = Symbol.array("_output")  # the kernel's output, for derivatives in terms of it


def slope(root: Expression, symbol: Symbol) -> Optional[Expression]:
    """The partial derivative of `root` with respect to `symbol`, or None if it does not depend on it.

    >>> x = Symbol.array("x")
    >>> slope(apply("tanh", x), x)
    subtract(1.0, square(tanh(x)))
    """
    slopes: dict[Expression, Optional[Expression]] = {}
    for node in in_order((root,)):
        slopes[node] = Literal.of(1.0) if node is symbol else _chain(node, [slopes[arg] for arg in node.args])
    return slopes[root]


def _chain(node: Expression, inner: list[Optional[Expression]]) -> Optional[Expression]:
    if not isinstance(node, Apply) or all(slope is None for slope in inner):
        return None
    if node.primitive.name == "where":
        condition, (_, a, b) = node.args[0], inner
        if a is None and b is None:
            return None
        return apply("where", condition, 0.0 if a is None else a, 0.0 if b is None else b)
    if node.primitive.derivative is None:
        return None
    total: Optional[Expression] = None
    for partial, part in zip(node.primitive.derivative, inner):
        if part is not None:
            term = product(partial(node, *node.args), part)
            total = term if total is None else _sum(total, term)
    return total


def _sum(a: Expression, b: Expression) -> Expression:
    """a + b without zero terms; the sign of zero is irrelevant in gradients."""
    return b if is_literal(a, 0) else a if is_literal(b, 0) else a + b


def product(a: Operand, b: Operand) -> Expression:
    """a * b, with the factor moved into a `where` that contains a zero, so that 0 times NaN or infinity is 0."""
    for factor, choice in ((a, b), (b, a)):
        if isinstance(choice, Expression) and is_call(choice, "where") and _holds_zero(choice):
            condition, x, y = choice.args
            return apply("where", condition, *(x if is_literal(x, 0) else product(factor, x) for x in (x, y)))
    return apply("multiply", a, b)


def _holds_zero(node: Expression) -> bool:
    return is_literal(node, 0) or is_call(node, "where") and any(map(_holds_zero, node.args[1:]))


@dataclass(frozen=True, eq=False)
class Gradient:
    """The backward pass of a kernel with respect to the inputs at `along`, and what it needs.

    The gradient of the inputs at `passed` is the upstream gradient itself.  Those of the inputs at `computed` are the
    outputs of `kernel`, which reads the forward inputs at `saved`, then the forward output if `saves_output`, and last
    the upstream gradient.  `kernel` is None if `computed` is empty.
    """

    along: tuple[int, ...]
    passed: tuple[int, ...]
    computed: tuple[int, ...]
    kernel: Optional[Kernel]
    saved: tuple[int, ...]
    saves_output: bool

    @property
    def own_kernel(self) -> Kernel:
        """The kernel of a gradient that computes something."""
        assert self.kernel is not None
        return self.kernel


def gradient(forward: Kernel, along: Sequence[int], slopes: Optional[Sequence[Expression]] = None) -> Gradient:
    """The gradient of a one-output kernel with respect to the inputs at `along`; `slopes` default to derived ones."""
    slopes = derived_slopes(forward) if slopes is None else slopes
    outputs = {i: slopes[i] if is_literal(slopes[i], 0) else product(UPSTREAM, slopes[i]) for i in along}
    passed = tuple(i for i in along if outputs[i] is UPSTREAM)
    computed = tuple(i for i in along if outputs[i] is not UPSTREAM)
    used = set(symbols(*(outputs[i] for i in computed)))
    saved = tuple(i for i, symbol in enumerate(forward.inputs) if symbol in used)
    saves_output = OUTPUT in used
    kernel = None
    if computed:
        inputs = [forward.inputs[i] for i in saved] + [OUTPUT] * saves_output + [UPSTREAM]
        kernel = Kernel(f"{forward.name}_backward", inputs, forward.constants, [outputs[i] for i in computed],
                        forward.widens)
    return Gradient(tuple(along), passed, computed, kernel, saved, saves_output)


def derived_slopes(forward: Kernel) -> tuple[Expression, ...]:
    """The partial derivatives of a one-output kernel with respect to its inputs."""
    (root,) = forward.outputs
    found = [slope(root, symbol) for symbol in forward.inputs]
    slopes = tuple(Literal.of(0.0) if s is None else s for s in found)
    # The function's own value within the derivative is the saved output.
    return rewrite(slopes, lambda node, args: OUTPUT if node is root else rebuilt(node, args))
