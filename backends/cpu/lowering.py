"""Lowers a kernel to a sequence of NumPy calls, whose values are kept in a few reused registers.

This module chooses the calls and the memory they write to; `program` turns the sequence into a Python function.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from ..formulas.dtypes import BOOL
from ..formulas.expand import expand
from ..formulas.expression import Apply, Expression, Literal, Symbol, in_order
from ..formulas.kernel import Kernel
from ..formulas.quiet import quietly
from .choices import prefer_expm1
from ..formulas.primitives import TRANSCENDENTAL

# The cost of a function such as exp, in additions.
_TRANSCENDENTAL_COST = 4
BITS = "_bits"  # the suffix of names of values viewed as integers


class Statement(NamedTuple):
    """One call that writes to `target`: a register, a mask, an output, or an integer view of one.

    If the flag named by `is_left_out` is true, the call is skipped, since it would multiply or divide by 1.  `alias`,
    if given, then names the value `aliased`, and otherwise the result of the call.
    """

    function: str
    operands: tuple[str, ...]
    target: str
    is_left_out: str = ""
    alias: str = ""
    aliased: str = ""


class Lowering:
    """Turns expressions into statements and allocates registers for their values.

    A value is stored in an input, in a register `rK` (with `rK_bits`, an integer view of the same memory), in a mask
    `bK`, or in an output.  A register is free again after the last use of its value.  A kernel's only output serves as
    its first register.  With `in_place`, outputs may also be inputs, and are written to only after all reads.
    """

    def __init__(self, kernel: Kernel, dtype: np.dtype, scalar_inputs: tuple[bool, ...], in_place: bool = False):
        self.in_place = in_place
        self.dtype, self.integer = dtype, np.dtype(f"int{8 * dtype.itemsize}")
        self.namespace: dict[str, Any] = {
            "asarray": np.asarray, "copyto": np.copyto, "dtype": dtype, "integer": self.integer, "full": np.full,
            "bitwise_xor": np.bitwise_xor, "multiply": np.multiply, "add": np.add, "choose": np.where,
            "logical_not": np.logical_not}
        self.outputs = prefer_expm1(expand(kernel.outputs), dtype)
        self.order = in_order(self.outputs)
        self.statements: list[Statement] = []
        self.prologue: list[str] = []
        self.registers = self.masks = 0
        self.tiles: list[float] = []  # literals that are needed as full tiles
        self.values: dict[Expression, str] = {}
        self.home: dict[Expression, str] = {}  # the registers of values that have one
        self.scalar_names: list[str] = []
        self.array_names: list[str] = []
        scalar_parameters: list[str] = []
        for i, symbol in enumerate(kernel.inputs):
            self.values[symbol] = f"in{i}"
            (scalar_parameters if scalar_inputs[i] else self.array_names).append(f"in{i}")
        self.scalar_inputs = scalar_inputs
        self.scalars: set[Expression] = {symbol for symbol, is_scalar in zip(kernel.inputs, scalar_inputs) if is_scalar}
        for i, symbol in enumerate(kernel.constants):
            self.values[symbol] = f"c{i}"
            scalar_parameters.append(f"c{i}")
        for node in self.order:  # scalars are computed once for a call, not for each tile
            if node.is_scalar or node in self.scalars or node.args and all(arg in self.scalars for arg in node.args):
                self.scalars.add(node)
        self.scalar_parameters = scalar_parameters
        self.uses = dict.fromkeys(self.order, 0)
        for node in self.order:
            for arg in node.args:
                self.uses[arg] += 1
        for root in self.outputs:
            self.uses[root] += 1
        single = len(self.outputs) == 1 and not self.outputs[0].is_boolean and not in_place
        self.free = {"r": ["out0"] if single else [], "b": []}
        self.owner: dict[str, Expression] = {}
        for node in self.order:
            if node in self.scalars:
                self._scalar(node)
        for node in self.order:
            if isinstance(node, Apply) and node not in self.scalars:
                self._array(node)
        self._store_outputs()
        slow = sum(isinstance(node, Apply) and node.primitive in TRANSCENDENTAL for node in self.order)
        self.cost = len(self.statements) + (_TRANSCENDENTAL_COST - 1) * slow  # of one element, in additions

    @property
    def output_names(self) -> list[str]:
        return [f"out{i}" for i in range(len(self.outputs))]

    @property
    def register_names(self) -> list[str]:
        return [f"r{i}" for i in range(self.registers)]

    @property
    def mask_names(self) -> list[str]:
        return [f"b{i}" for i in range(self.masks)]

    @property
    def tile_names(self) -> list[str]:
        return [f"tile{i}" for i in range(len(self.tiles))]

    # -- names of values --------------------------------------------------------------------------------------
    def _literal(self, value: float | bool) -> str:
        """The name of a literal as a zero-dimensional array, which is a faster operand than a Python number."""
        dtype = BOOL if isinstance(value, bool) else self.dtype
        for name, known in self.namespace.items():
            if name.startswith("literal") and known.dtype == dtype and repr(known.item()) == repr(value):
                return name
        name = f"literal{sum(key.startswith('literal') for key in self.namespace)}"
        self.namespace[name] = quietly(np.asarray(value).astype, dtype)  # it may be infinite or 0 in float32
        return name

    def _constant_tile(self, value: float | bool) -> str:
        """The name of a tile filled with a literal."""
        known = list(map(repr, self.tiles))  # 0.0 equals -0.0
        if repr(value) not in known:
            self.tiles.append(value)
            return self.tile_names[-1]
        return self.tile_names[known.index(repr(value))]

    def _operand(self, node: Expression) -> str:
        return self._literal(node.value) if isinstance(node, Literal) else self.values[node]

    def _bits(self, node: Expression) -> str:
        """The name of a value viewed as integers."""
        name = self._operand(node)
        if self.dtype == self.integer:
            return name
        bits = f"{name}{BITS}"
        if name.startswith("literal"):
            self.namespace[bits] = self.namespace[name].view(self.integer)
        elif node in self.scalars:
            self._define_scalar(bits, f"{name}.view(integer)")
        return bits

    def _bits_of(self, register: str) -> str:
        return register if self.dtype == self.integer else f"{register}{BITS}"

    def _define_scalar(self, name: str, text: str, wrap: bool = True) -> str:
        if name not in self.scalar_names:
            self.prologue.append(f"{name} = asarray({text})" if wrap else f"{name} = {text}")
            self.scalar_names.append(name)
        return name

    def _function(self, node: Apply) -> str:
        function = node.primitive.numpy
        assert function is not None
        self.namespace[function.__name__] = function
        return function.__name__

    # -- registers --------------------------------------------------------------------------------------------
    def _new(self, kind: str) -> str:
        if self.free[kind]:
            return self.free[kind].pop()
        if kind == "b":
            self.masks += 1
            return f"b{self.masks - 1}"
        self.registers += 1
        return f"r{self.registers - 1}"

    def _release(self, name: str) -> None:
        if name in self.owner:
            del self.owner[name]
            self.free["b" if name[0] == "b" else "r"].append(name)

    def _release_arguments(self, node: Apply) -> None:
        for arg in dict.fromkeys(node.args):
            self.uses[arg] -= sum(other is arg for other in node.args)
            if not self.uses[arg] and arg in self.home:
                self._release(self.home[arg])

    def _target(self, node: Apply) -> str:
        """The memory for the value of `node`; call it after its arguments have been released."""
        for i, root in enumerate(self.outputs):
            if root is node and f"out{i}" not in self.owner and not self.in_place:
                name = f"out{i}"
                if name in self.free["r"]:
                    self.free["r"].remove(name)
                break
        else:
            name = self._new("b" if node.is_boolean else "r")
        if len(self.outputs) == 1 or not name.startswith("out"):  # one of several outputs is never reused as a register
            self.owner[name] = node
        self.values[node] = self.home[node] = name
        return name

    # -- statements -------------------------------------------------------------------------------------------
    def _scalar(self, node: Expression) -> None:
        if isinstance(node, Symbol):
            self.scalar_names.append(self.values[node])
        elif isinstance(node, Apply):
            arguments = ", ".join(map(self._operand, node.args))
            name, text = f"s{len(self.scalar_names)}", f"{self._function(node)}({arguments})"
            self.values[node] = self._define_scalar(name, text)

    def _array(self, node: Apply) -> None:
        if node.primitive.name == "where" and not node.is_boolean:
            self._where(node)
        elif node.primitive.name == "where":
            choice = f"choose({', '.join(map(self._operand, node.args))})"
            self._release_arguments(node)
            self._add("copyto", [choice], self._target(node))
        elif node.primitive.name in ("maximum", "minimum") and any(arg in self.scalars for arg in node.args):
            self._extremum(node)
        else:
            self._call(node)

    def _add(self, function: str, operands: Sequence[str], *rest: str) -> None:
        self.statements.append(Statement(function, tuple(operands), *rest))

    def _call(self, node: Apply) -> None:
        """One NumPy call; multiplying or dividing by a constant of the kernel is skipped if that is 1."""
        function, operands = self._function(node), list(map(self._operand, node.args))
        scaled = self._scaled(node)
        self._release_arguments(node)
        target = self._target(node)
        if scaled is None:
            self._add(function, operands, target)
            return
        array, factor = (self._operand(arg) for arg in scaled)
        flag = self._define_scalar(f"{factor}_is_one", f"bool({factor} == 1)", wrap=False)
        if array == target:
            self._add(function, operands, target, flag)
        elif array.startswith("in") and not any(root is node for root in self.outputs):
            self.values[node] = f"{target}_or_{array}"
            self._add(function, operands, target, flag, self.values[node], array)
        else:
            self._add(function, operands, target)

    def _scaled(self, node: Apply) -> Optional[tuple[Expression, Expression]]:
        """The array and the constant of ``constant * array`` or ``array / constant``."""
        if node.primitive.name == "multiply":
            factor, array = node.args
        elif node.primitive.name == "divide":
            array, factor = node.args
        else:
            return None
        is_constant = factor in self.scalars and not isinstance(factor, Literal)
        return (array, factor) if is_constant and array not in self.scalars else None

    def _extremum(self, node: Apply) -> None:
        # NumPy's maximum of an array and a scalar takes three times as long as that of two arrays.
        (array,) = [arg for arg in node.args if arg not in self.scalars]
        (scalar,) = [arg for arg in node.args if arg in self.scalars]
        array_name = self._operand(array)
        if isinstance(scalar, Literal):
            scalar_name, borrowed = self._constant_tile(scalar.value), None
        else:
            scalar_name = borrowed = self._new("r")
            self._add("copyto", [self._operand(scalar)], borrowed)
        self._release_arguments(node)
        if borrowed is not None:
            self.free["r"].append(borrowed)
        self._add(self._function(node), [array_name, scalar_name], self._target(node))

    def _where(self, node: Apply) -> None:
        """`where` by integer arithmetic on bits, with the condition as 0 or 1.

        numpy.where mispredicts a branch for every other element of an irregular mask.  These loops do not branch, and
        unlike a product with 0.0 they block NaN and infinity of the branch not taken.
        """
        condition, a, b = node.args
        mask = self._operand(condition)
        if _has_no_bits(a) and not _has_no_bits(b):  # b or zero: negate the condition and swap
            mask, a, b = self._negated(condition), b, a
        chosen = self._new("r")
        bits = self._bits_of(chosen)
        self._add("copyto", [mask], bits)
        if _has_no_bits(b):
            last = "multiply", [self._bits(a), bits]
        elif a in self.scalars and b in self.scalars:
            self._add("multiply", [bits, self._scalar_difference(a, b)], bits)
            last = "add", [bits, self._bits(b)]
        else:
            difference = self._new("r")
            difference_bits = self._bits_of(difference)
            self._add("bitwise_xor", [self._bits(a), self._bits(b)], difference_bits)
            self._add("multiply", [difference_bits, bits], bits)
            last = "bitwise_xor", [bits, self._bits(b)]
            self.free["r"].append(difference)
        self._release_arguments(node)
        self.free["r"].append(chosen)
        self._add(*last, self._bits_of(self._target(node)))

    def _negated(self, condition: Expression) -> str:
        mask = self._operand(condition)
        if condition in self.scalars:
            return self._define_scalar(f"not_{mask}", f"logical_not({mask})")
        negated = self._new("b")
        self._add("logical_not", [mask], negated)
        self.free["b"].append(negated)
        return negated

    def _scalar_difference(self, a: Expression, b: Expression) -> str:
        a_bits, b_bits = self._bits(a), self._bits(b)
        name = f"{a_bits}_minus_{b_bits}"
        if isinstance(a, Literal) and isinstance(b, Literal):
            self.namespace[name] = np.asarray(self.namespace[a_bits] - self.namespace[b_bits])
            return name
        return self._define_scalar(name, f"{a_bits} - {b_bits}")

    def _store_outputs(self) -> None:
        if self.in_place:  # another output may overwrite an input that is itself an output
            for root in self.outputs:
                if isinstance(root, Symbol) and root not in self.scalars and self.values[root].startswith("in"):
                    register = self._new("r")
                    self._add("copyto", [self.values[root]], register)
                    self.values[root] = register
        for i, root in enumerate(self.outputs):
            if self._operand(root) != f"out{i}":
                self._add("copyto", [self._operand(root)], f"out{i}")


def _has_no_bits(node: Expression) -> bool:
    """Whether a node is the literal 0.0, whose bits are all 0; -0.0 has its sign bit set."""
    return isinstance(node, Literal) and repr(node.value) == "0.0"
