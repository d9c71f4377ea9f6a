"""Row formulas, which reduce along a row, and their derivatives.

A reduction gives one number for each row, which broadcasts against the elements.  The derivative is taken in reverse
mode: the adjoint of a sum is a broadcast, and that of a broadcast is a sum.

>>> x = Symbol.array("x")
>>> adjoints((row("row_sum", x * x),), (Symbol.row("g"),), [x])
[multiply(g, multiply(2.0, x))]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, TypeVar

from .derivative import product
from .expression import Apply, Expression, Literal, Operand, Primitive, Symbol, apply, apply_primitive, as_number
from .expression import in_order, rebuilt, rewrite, symbols
from .kernel import Kernel
from .namespace import FormulaNamespace
from .simplify import is_call, is_literal

Given = TypeVar("Given", bound=Operand)

POSITION = Symbol.array("_position")  # the element's place in its row
COUNT = Symbol.constant("_count")  # the number of elements of a row

TABLE = {primitive.name: primitive for primitive in (
    Primitive("row_sum", 1, reduces=True), Primitive("row_max", 1, reduces=True), Primitive("row_min", 1, reduces=True),
    Primitive("stop_gradient", 1, expansion=lambda x: x, keeps_integers=True))}


def row(name: str, x: Operand) -> Expression:
    """The row primitive `name` of `x`."""
    return apply_primitive(TABLE[name], (x,))


class RowNamespace(FormulaNamespace):
    """The `xp` of a row formula: that of elementwise formulas, with reductions along the row.

    >>> RowNamespace().sum(Symbol.array("x"))
    row_sum(x)
    """

    position = POSITION

    @staticmethod
    def stop_gradient(x: Operand) -> Expression:
        return row("stop_gradient", x)

    @staticmethod
    def sum(x: Operand) -> Expression:
        return row("row_sum", x) if _varies(x) else apply("multiply", COUNT, x)

    @staticmethod
    def mean(x: Given) -> Given | Expression:
        return row("row_sum", x) / COUNT if _varies(x) else x

    @staticmethod
    def max(x: Given) -> Given | Expression:
        if x is POSITION:
            return COUNT - 1.0
        return row("row_max", x) if _varies(x) else x

    @staticmethod
    def min(x: Given) -> Given | Expression:
        return row("row_min", x) if _varies(x) else x


def _varies(x: Operand) -> bool:
    """Whether `x` has a value for each element of a row."""
    return isinstance(x, Expression) and not x.is_row and not x.is_scalar


def adjoints(outputs: Sequence[Expression], upstream: Sequence[Expression],
             inputs: Sequence[Expression]) -> list[Optional[Expression]]:
    """The gradients with respect to `inputs`, given those of `outputs`; None where no gradient flows."""
    found: dict[Expression, Expression] = {}

    def add(node: Expression, term: Expression, consumer: Expression) -> None:
        if node.is_scalar or is_literal(term, 0):
            return
        if node.is_row and not consumer.is_row:  # it was broadcast along the row
            term = RowNamespace.sum(term)
        found[node] = found[node] + term if node in found else term

    for output, gradient in zip(outputs, upstream):
        add(output, gradient, output)
    for node in reversed(in_order(tuple(outputs))):
        if isinstance(node, Apply) and node in found:
            for arg, term in zip(node.args, _terms(node, found[node])):
                if term is not None:
                    add(arg, term, node)
    return [found.get(symbol) for symbol in inputs]


def _terms(node: Apply, gradient: Expression) -> Sequence[Optional[Expression]]:
    """The contribution of a node's gradient to each of its arguments."""
    name, args = node.primitive.name, node.args
    if name == "row_sum":
        return (gradient,)
    if name in ("row_max", "row_min"):  # equal elements share the gradient
        is_chosen = apply("equal", args[0], node)
        share = apply("divide", 1.0, row("row_sum", apply("where", is_chosen, 1.0, 0.0)))
        of_nan = apply("where", apply("not_equal", node, node), node, 0.0)  # NaN equals nothing: its whole row gets NaN
        return (apply("where", is_chosen, product(gradient, share), of_nan),)
    if name == "where":
        return None, apply("where", args[0], gradient, 0.0), apply("where", args[0], 0.0, gradient)
    if node.primitive.derivative is None:
        return ()
    return [product(gradient, partial(node, *args)) for partial in node.primitive.derivative]


@dataclass(frozen=True, eq=False)
class RowGradient:
    """The backward pass of a row kernel from some of its outputs to some of its inputs.

    `kernel` reads the inputs at `saved`, the forward outputs at `outputs`, the row numbers `kept`, and last the
    upstream gradients.  It computes the gradients of the inputs at `computed`: those on which the outputs depend.
    """

    computed: tuple[int, ...]
    kernel: Optional[Kernel]
    saved: tuple[int, ...]
    outputs: tuple[int, ...]
    kept: tuple[Expression, ...]

    @property
    def own_kernel(self) -> Kernel:
        """The kernel of a gradient that is not zero."""
        assert self.kernel is not None
        return self.kernel


NO_GRADIENT = RowGradient((), None, (), (), ())


def row_gradient(forward: Kernel, along: Sequence[int], which: Sequence[int],
                 written: Optional[Sequence[Expression]] = None, keepable: Sequence[Expression] = ()) -> RowGradient:
    """The gradient of the outputs at `which` with respect to the inputs at `along`.

    It is derived, or `written` by hand for each input.  Those of the expressions `keepable` that the backward kernel
    needs are saved by the forward pass, not recomputed.
    """
    ends = output_symbols(forward)
    if written is None:
        derived = adjoints([forward.outputs[k] for k in which], [ends[k][1] for k in which], forward.inputs)
        known = tuple(Literal.of(0.0) if gradient is None else gradient for gradient in derived)
        results: dict[Expression, Expression] = {
            root: output for root, (output, _) in zip(forward.outputs, ends)
                   if isinstance(root, Apply) and not is_call(root, "row_sum")}
        written = rewrite(known, lambda node, args: results[node] if node in results else rebuilt(node, args))
    computed = tuple(i for i in along if not is_literal(written[i], 0))
    if not computed:
        return NO_GRADIENT
    rows = {node: Symbol.row(f"_row{i}") for i, node in enumerate(keepable)}
    gradients = rewrite(tuple(as_number(written[i]) for i in computed),
                        lambda node, args: rows[node] if node in rows else rebuilt(node, args))
    used = set(symbols(*gradients))
    saved = tuple(i for i, symbol in enumerate(forward.inputs) if symbol in used)
    outputs = tuple(k for k, (output, _) in enumerate(ends) if output in used)
    kept = tuple(node for node in keepable if rows[node] in used)
    inputs = [forward.inputs[i] for i in saved] + [ends[k][0] for k in outputs] + [rows[node] for node in kept]
    inputs += [ends[k][1] for k in which]
    kernel = Kernel(f"{forward.name}_backward", inputs, forward.constants, gradients, forward.widens)
    return RowGradient(computed, kernel, saved, outputs, kept)


def row_numbers(forward: Kernel) -> tuple[Expression, ...]:
    """The values that the forward kernel computes once for each row, such as a mean or the log of a sum."""
    reduced: set[Expression] = set()
    results = set(forward.outputs)
    for node in in_order(forward.outputs):
        if isinstance(node, Apply) and (node.primitive.reduces or any(arg in reduced for arg in node.args)):
            reduced.add(node)
    return tuple(node for node in in_order(forward.outputs)
                 if node.is_row and not node.is_boolean and node in reduced and node not in results)


def output_symbols(forward: Kernel) -> list[tuple[Symbol, Symbol]]:
    """The symbols of a backward kernel for each forward output and its upstream gradient."""
    ends = [""] if len(forward.outputs) == 1 else map(str, range(len(forward.outputs)))
    makers = [Symbol.row if root.is_row else Symbol.array for root in forward.outputs]
    return [(make("_output" + end), make("_upstream" + end)) for make, end in zip(makers, ends)]
