"""The language of kernels: an elementwise formula as a graph of primitives.

An `Expression` is a symbol (an array input or a scalar constant of the kernel), a literal number, or a
primitive applied to expressions.  Expressions are immutable and *hash-consed*: building the same node twice
gives the same object.  Common subexpressions are therefore shared without a separate pass, and equality is identity.

>>> x = Symbol.array("x")
>>> (x + 1) is (x + 1)
True
>>> print(1 / (1 + x))
divide(1.0, add(1.0, x))
"""

from __future__ import annotations

import numbers
import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Hashable, Iterator, NoReturn, Optional, Sequence, TypeVar, Union

import numpy as np

from ..errors import FormulaError
from .quiet import quietly

Number = Union[bool, int, float]
Operand = Union["Expression", Number]
Node = TypeVar("Node", bound="Expression")


@dataclass(frozen=True, eq=False)
class Primitive:
    """A row of the table in `primitives`: everything about one elementary function.

    Either `numpy` and `cpp` implement it, or `expansion` defines it in terms of other primitives.
    """

    name: str
    arity: int
    numpy: Optional[Callable[..., Any]] = None
    cpp: Optional[str] = None  # a format string: "exp({0})"
    # For each argument a function of the result and the arguments that gives the partial derivative (None: zero).
    derivative: Optional[tuple[Callable[..., Operand], ...]] = None
    expansion: Optional[Callable[..., Expression]] = None
    simplify: Optional[Callable[..., Optional[Expression]]] = None  # an equal but simpler expression, or None
    takes_booleans: bool = False  # otherwise boolean arguments become 0 or 1
    gives_boolean: bool = False
    keeps_integers: bool = False  # integer arrays give an integer array
    reduces: bool = False  # one number for each row: see `rows`


# Filled by `primitives`, which needs `Expression` to state its derivatives.
TABLE: dict[str, Primitive] = {}


def apply(name: str, *args: Operand) -> Expression:
    """The primitive `name` of `args`: checked, folded if all are literals, and simplified."""
    return apply_primitive(TABLE[name], args)


def apply_primitive(primitive: Primitive, args: Sequence[Operand]) -> Expression:
    """As `apply`, for a primitive that need not be in the table."""
    nodes = tuple(_expression(arg, primitive) for arg in args)
    if len(nodes) != primitive.arity:
        raise FormulaError(f"xp.{primitive.name} takes {primitive.arity} argument(s), not {len(nodes)}")
    values = [node.value if primitive.name == "negative" or node.is_boolean else float(node.value)
              for node in nodes if isinstance(node, Literal)]
    if len(values) == len(nodes):
        if primitive.expansion is not None:
            return primitive.expansion(*nodes)
        assert primitive.numpy is not None
        return Literal.of(quietly(primitive.numpy, *values).item())
    simpler = primitive.simplify(*nodes) if primitive.simplify is not None else None
    return Apply.of(primitive, nodes) if simpler is None else simpler


def _expression(value: Any, primitive: Primitive) -> Expression:
    if isinstance(value, Expression):
        return value if primitive.takes_booleans else as_number(value)
    is_number = isinstance(value, numbers.Real)
    if is_number or isinstance(value, (np.generic, np.ndarray)) and value.shape == () and value.dtype.kind in "biuf":
        try:
            return Literal.of(value.item() if isinstance(value, (np.generic, np.ndarray)) else value)
        except OverflowError:
            raise FormulaError(f"xp.{primitive.name} was given an integer of {int(value).bit_length()} bits, more than "
                               f"floats hold") from None
    raise FormulaError(f"xp.{primitive.name} was given a {type(value).__name__} in an elementwise formula; it takes "
                       f"the formula's inputs, its constants and Python numbers (pass an array as one more input)")


def as_number(node: Expression) -> Expression:
    """A truth value as 1 or 0; numbers as they are."""
    return apply("where", node, 1.0, 0.0) if node.is_boolean else node


class Expression:
    """A node of a formula: what a formula receives for each of its arrays, and what it returns.

    >>> x = Symbol.array("x")
    >>> x * x + 1
    add(square(x), 1.0)
    """

    __slots__ = ("args", "is_boolean", "is_scalar", "is_row", "__weakref__")

    args: tuple["Expression", ...]
    is_boolean: bool  # the value is boolean, like that of a comparison
    is_scalar: bool  # the value is one number for the whole kernel: it depends on no array
    is_row: bool  # the value is one number for each row, in a row formula

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Expression:
        # `numpy_scalar * expression` calls this too; the scalar counts as a Python number.
        is_scalar = len(inputs) == 2 and any(isinstance(arg, np.generic) for arg in inputs)
        if is_scalar and method == "__call__" and ufunc.__name__ in TABLE:
            return apply(ufunc.__name__, *inputs)
        raise FormulaError(f"numpy.{ufunc.__name__} was called on an array in a formula; use the functions of its "
                           f"first argument instead (xp.{ufunc.__name__}), which run on every device")

    def __neg__(self) -> Expression: return apply("negative", self)
    def __pos__(self) -> Expression: return self
    def __abs__(self) -> Expression: return apply("abs", self)
    def __add__(self, other: Operand) -> Expression: return apply("add", self, other)
    def __radd__(self, other: Operand) -> Expression: return apply("add", other, self)
    def __sub__(self, other: Operand) -> Expression: return apply("subtract", self, other)
    def __rsub__(self, other: Operand) -> Expression: return apply("subtract", other, self)
    def __mul__(self, other: Operand) -> Expression: return apply("multiply", self, other)
    def __rmul__(self, other: Operand) -> Expression: return apply("multiply", other, self)
    def __truediv__(self, other: Operand) -> Expression: return apply("divide", self, other)
    def __rtruediv__(self, other: Operand) -> Expression: return apply("divide", other, self)
    def __pow__(self, other: Operand) -> Expression: return apply("power", self, other)
    def __rpow__(self, other: Operand) -> Expression: return apply("power", other, self)
    def __floordiv__(self, other: Operand) -> Expression: return apply("floor_divide", self, other)
    def __rfloordiv__(self, other: Operand) -> Expression: return apply("floor_divide", other, self)
    def __mod__(self, other: Operand) -> Expression: return apply("remainder", self, other)
    def __rmod__(self, other: Operand) -> Expression: return apply("remainder", other, self)
    def __lt__(self, other: Operand) -> Expression: return apply("less", self, other)
    def __le__(self, other: Operand) -> Expression: return apply("less_equal", self, other)
    def __gt__(self, other: Operand) -> Expression: return apply("greater", self, other)
    def __ge__(self, other: Operand) -> Expression: return apply("greater_equal", self, other)
    # These return a formula, not a bool as those of `object` do.
    def __eq__(self, other: Operand) -> Expression: return apply("equal", self, other)  # type: ignore[override]
    def __ne__(self, other: Operand) -> Expression: return apply("not_equal", self, other)  # type: ignore[override]
    def __and__(self, other: Operand) -> Expression: return apply("logical_and", self, other)
    def __rand__(self, other: Operand) -> Expression: return apply("logical_and", other, self)
    def __or__(self, other: Operand) -> Expression: return apply("logical_or", self, other)
    def __ror__(self, other: Operand) -> Expression: return apply("logical_or", other, self)
    def __xor__(self, other: Operand) -> Expression: return apply("logical_xor", self, other)
    def __invert__(self) -> Expression: return apply("logical_not", self)

    # `==` builds a formula, so nodes are compared by identity (`is`, sets and dicts), never by `==` or by `in` on
    # a tuple.
    __hash__ = object.__hash__

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise FormulaError("an array of a formula was passed to a NumPy function; use the functions of its first "
                           "argument instead (xp.exp, not numpy.exp), which run on every device")

    def __bool__(self) -> bool:
        raise FormulaError("Python asked whether an array is true (`if`, `and`, `or`, `not`, a chained comparison, "
                           "max() or min()), but a formula holds for every element at once; use xp.where(condition, "
                           "a, b), xp.logical_and, xp.logical_or, xp.logical_not, xp.maximum or xp.minimum")

    def __iter__(self) -> Iterator[Expression]:
        raise FormulaError("an elementwise formula cannot iterate over or unpack an array; "
                           "pass the parts as separate inputs")

    def __len__(self) -> int:
        raise FormulaError("an elementwise formula has no len(): it does not know the shape of its inputs")

    def __getitem__(self, index: Any) -> NoReturn:
        raise FormulaError("an elementwise formula cannot index an array: element i of the result depends on "
                           "element i of the inputs alone; index the Tensor before the call")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise FormulaError("an elementwise formula cannot assign to a part of an array; use xp.where(condition, a, b)")

    def _no_number(self, *_: Any) -> NoReturn:
        raise FormulaError("float(), int(), round() or math functions were applied to an array in a formula; use the "
                           "functions of its first argument instead (xp.floor, xp.round, xp.exp, ...)")

    if not TYPE_CHECKING:  # type checkers reject these by themselves
        __float__ = __int__ = __complex__ = __index__ = __round__ = __floor__ = __ceil__ = __trunc__ = _no_number

    if not TYPE_CHECKING:  # type checkers report unknown attributes by themselves
        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise FormulaError(f"`.{name}` was asked of an array in an elementwise formula, which knows neither shapes "
                               f"nor whole arrays; elementwise functions are spelled xp.name(x), and reductions, "
                               f"reshapes and the like belong on Tensors outside of the formula")


class Symbol(Expression):
    """An input by name: an array, or a scalar constant whose value is an argument of the kernel."""

    __slots__ = ("name",)

    def __init__(self, name: str, is_scalar: bool, is_row: bool = False):
        self.name, self.is_scalar, self.is_boolean, self.is_row, self.args = name, is_scalar, False, is_row, ()

    @staticmethod
    def array(name: str) -> "Symbol":
        return _interned((Symbol, name, False), lambda: Symbol(name, False))

    @staticmethod
    def row(name: str) -> "Symbol":
        """An input that has one number for each row."""
        return _interned((Symbol, name, "row"), lambda: Symbol(name, False, is_row=True))

    @staticmethod
    def constant(name: str) -> "Symbol":
        return _interned((Symbol, name, True), lambda: Symbol(name, True))

    def __repr__(self) -> str:
        return self.name


class Literal(Expression):
    """A number that stands in the formula: a Python float, so that it never widens an array's dtype, or an integer of
    64 bits that no float is equal to."""

    __slots__ = ("value",)

    def __init__(self, value: float | bool):
        self.value, self.is_scalar, self.is_row, self.args = value, True, False, ()
        self.is_boolean = isinstance(value, bool)

    @staticmethod
    def of(value: Number | numbers.Real) -> "Literal":
        if not isinstance(value, bool):
            real = float(value)
            value = value if isinstance(value, int) and real != value and -2 ** 63 < value < 2 ** 64 else real
        # repr distinguishes 0.0 from -0.0, and NaN equals NaN.
        return _interned((Literal, repr(value)), lambda: Literal(value))

    def __repr__(self) -> str:
        return repr(self.value)


class Apply(Expression):
    """A primitive applied to expressions; made by `apply`."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Primitive, args: tuple[Expression, ...]):
        self.primitive, self.args = primitive, args
        chooses_booleans = primitive.name == "where" and args[1].is_boolean and args[2].is_boolean
        self.is_boolean = primitive.gives_boolean or chooses_booleans
        self.is_scalar = all(arg.is_scalar for arg in args)
        self.is_row = primitive.reduces or not self.is_scalar and all(arg.is_row or arg.is_scalar for arg in args)

    @staticmethod
    def of(primitive: Primitive, args: tuple[Expression, ...]) -> "Apply":
        return _interned((Apply, primitive.name, args), lambda: Apply(primitive, args))

    def __repr__(self) -> str:
        return f"{self.primitive.name}({', '.join(map(repr, self.args))})"


# Weak references, so that unused formulas are freed.  Nodes are told apart by identity: of two threads that want the
# same node at the same time one makes it.
_nodes: weakref.WeakValueDictionary[tuple[Hashable, ...], Any] = weakref.WeakValueDictionary()
_making = threading.RLock()


def _renew_lock() -> None:
    """A thread that was making a node does not survive a fork, and would hold the lock in the child for ever."""
    global _making
    _making = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _interned(key: tuple[Hashable, ...], make: Callable[[], Node]) -> Node:
    node: Optional[Node] = _nodes.get(key)
    if node is None:
        with _making:
            node = _nodes.get(key)
            if node is None:
                node = _nodes[key] = make()
    return node


def in_order(roots: tuple[Expression, ...]) -> list[Expression]:
    """Every node below `roots` once, in topological order (without recursion, since formulas may be deep)."""
    order: list[Expression] = []
    seen: set[Expression] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, arguments_done = stack.pop()
        if arguments_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if arg not in seen)
    return order


def symbols(*roots: Expression) -> list[Symbol]:
    """The symbols that `roots` depend on, in the order of their first use."""
    return [node for node in in_order(roots) if isinstance(node, Symbol)]


def rewrite(roots: tuple[Expression, ...], replace: Callable[[Expression, tuple[Expression, ...]], Expression],
            ) -> tuple[Expression, ...]:
    """`roots` with every node replaced, from the leaves up, by ``replace(node, new_args)``."""
    new: dict[Expression, Expression] = {}
    for node in in_order(roots):
        new[node] = replace(node, tuple(new[arg] for arg in node.args))
    return tuple(new[root] for root in roots)


def rebuilt(node: Expression, args: tuple[Expression, ...]) -> Expression:
    """`node` with new arguments, simplified again: for `rewrite`."""
    return apply_primitive(node.primitive, args) if isinstance(node, Apply) else node
