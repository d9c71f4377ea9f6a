"""A kernel as a short program of NumPy calls, each with `out=` into a few reused scratch registers.

The program runs on one tile at a time, small enough that its registers stay in the processor's cache; `Tiles` in
`numpy_tiles` walks over whole arrays.  The text of a program is a Python function:

>>> from gradcore.backends import Kernel
>>> print(NumPyProgram(Kernel.of_primitive("sigmoid"), np.dtype("float32")))  # doctest: +ELLIPSIS
def sigmoid_tile(in0, out0):
    negative(in0, out=out0)
    ...
"""

from __future__ import annotations

from typing import Callable, Optional, Sequence

import numpy as np

from .dtypes import BOOL
from .expand import expand
from .expression import Apply, Expression, Literal, Symbol, in_order
from .kernel import Kernel
from .numpy_choices import prefer_expm1
from .primitives import TRANSCENDENTAL

# What a function such as exp costs, in additions.
_TRANSCENDENTAL_COST = 4


class NumPyProgram:
    """The lowering of `kernel`, computed in `dtype`; inputs marked in `scalar_inputs` are plain numbers."""

    def __init__(self, kernel: Kernel, dtype: np.dtype, scalar_inputs: Sequence[bool] = ()):
        lowering = _Lowering(kernel, dtype, tuple(scalar_inputs) or (False,) * len(kernel.inputs))
        self.source = lowering.source()
        self.cost = lowering.cost  # of one element, in additions
        self.registers, self.masks, self.tiles = lowering.registers, lowering.masks, lowering.tiles
        self.is_boolean = tuple(output.is_boolean for output in lowering.outputs)
        namespace = lowering.namespace
        exec(compile(self.source, f"<NumPy program of {kernel.name}>", "exec"), namespace)
        self.run: Callable = namespace[lowering.name]
        self.scalars: Optional[Callable] = namespace.get("scalars")
        self.needs_scratch = bool(self.registers or self.masks or self.tiles)
        # One ufunc needs no scratch: NumPy runs it on whole arrays of any strides that broadcast.
        self.is_single_call = len(lowering.statements) == 1 and not self.needs_scratch

    def __str__(self) -> str:
        return self.source


class _Lowering:
    """Turns expressions into statements and assigns registers to their values.

    A value lives in an input, in a register `rK` (with `iK`, the same memory seen as integers), in a mask `bK`,
    or in an output.  A register is free again after the last use of its value; a kernel's only output serves
    as its first register.
    """

    def __init__(self, kernel: Kernel, dtype: np.dtype, scalar_inputs: tuple[bool, ...]):
        self.name = (kernel.name if kernel.name.isidentifier() else "kernel") + "_tile"
        self.dtype, self.integer = dtype, np.dtype(f"int{8 * dtype.itemsize}")
        self.namespace: dict = {"asarray": np.asarray, "copyto": np.copyto, "dtype": dtype, "integer": self.integer,
                                "bitwise_xor": np.bitwise_xor, "multiply": np.multiply, "add": np.add,
                                "choose": np.where, "logical_not": np.logical_not}
        self.outputs = prefer_expm1(expand(kernel.outputs))
        self.order = in_order(self.outputs)
        self.statements: list[str] = []
        self.prologue: list[str] = []
        self.registers = self.masks = 0
        self.tiles: list[float] = []  # literals that are needed as whole tiles
        self.values: dict[Expression, str] = {}
        self.home: dict[Expression, str] = {}  # the registers of values that have one
        self.scalar_names: list[str] = []
        self.array_names: list[str] = []
        scalar_parameters = []
        for i, symbol in enumerate(kernel.inputs):
            self.values[symbol] = f"in{i}"
            (scalar_parameters if scalar_inputs[i] else self.array_names).append(f"in{i}")
        self.scalars = {symbol for symbol, is_scalar in zip(kernel.inputs, scalar_inputs) if is_scalar}
        for i, symbol in enumerate(kernel.constants):
            self.values[symbol] = f"c{i}"
            scalar_parameters.append(f"c{i}")
        for node in self.order:  # scalars first: they are computed once for a call, not once for a tile
            if node.is_scalar or node in self.scalars or node.args and all(arg in self.scalars for arg in node.args):
                self.scalars.add(node)
        self.scalar_parameters = scalar_parameters
        self.uses = {node: 0 for node in self.order}
        for node in self.order:
            for arg in node.args:
                self.uses[arg] += 1
        for root in self.outputs:
            self.uses[root] += 1
        single = len(self.outputs) == 1 and not self.outputs[0].is_boolean
        self.free = {"r": ["out0"] if single else [], "b": []}
        self.owner: dict[str, Expression] = {}
        self.viewed: set[str] = set()
        for node in self.order:
            if node in self.scalars:
                self._scalar(node)
        for node in self.order:
            if isinstance(node, Apply) and node not in self.scalars:
                self._array(node)
        self._store_outputs()
        slow = sum(isinstance(node, Apply) and node.primitive in TRANSCENDENTAL for node in self.order)
        calls = sum(".view(" not in statement for statement in self.statements)
        self.cost = calls + (_TRANSCENDENTAL_COST - 1) * slow

    # -- the text ---------------------------------------------------------------------------------------------
    def source(self) -> str:
        parameters = (self.array_names + [f"out{i}" for i in range(len(self.outputs))] + self.scalar_names
                      + [f"r{i}" for i in range(self.registers)] + [f"i{i}" for i in range(self.registers)]
                      + [f"b{i}" for i in range(self.masks)] + [f"tile{i}" for i in range(len(self.tiles))])
        text = [f"def {self.name}({', '.join(parameters)}):"] + [f"    {line}" for line in self.statements]
        if self.scalar_names:
            text += ["", "", f"def scalars({', '.join(self.scalar_parameters)}):  # once for a call"]
            text += [f"    {name} = asarray({name}, dtype)" for name in self.scalar_parameters]
            text += [f"    {line}" for line in self.prologue]
            text += [f"    return {', '.join(self.scalar_names)},"]
        return "\n".join(text)

    # -- names of values --------------------------------------------------------------------------------------
    def _literal(self, value: float | bool) -> str:
        """The name of a literal as a zero-dimensional array: as an operand it costs less than a Python number."""
        dtype = BOOL if isinstance(value, bool) else self.dtype
        for name, known in self.namespace.items():
            if name.startswith("literal") and known.dtype == dtype and repr(known.item()) == repr(value):
                return name
        name = f"literal{sum(key.startswith('literal') for key in self.namespace)}"
        with np.errstate(over="ignore"):  # a float64 literal may be infinite in float32
            self.namespace[name] = np.asarray(value).astype(dtype)
        return name

    def _operand(self, node: Expression) -> str:
        return self._literal(node.value) if isinstance(node, Literal) else self.values[node]

    def _bits(self, node: Expression) -> str:
        """The name of a value seen as integers."""
        name = self._operand(node)
        if name[0] == "r" and name[1:].isdigit():
            return f"i{name[1:]}"
        if self.dtype == self.integer:
            return name
        bits = f"{name}_bits"
        if name.startswith("literal"):
            self.namespace[bits] = self.namespace[name].view(self.integer)
        elif node in self.scalars:
            self._define_scalar(bits, f"{name}.view(integer)")
        else:
            self._view(bits, name)
        return bits

    def _view(self, bits: str, name: str) -> str:
        if bits not in self.viewed:
            self.viewed.add(bits)
            self.statements.append(f"{bits} = {name}.view(integer)")
        return bits

    def _define_scalar(self, name: str, text: str, wrap: bool = True) -> str:
        if name not in self.scalar_names:
            self.prologue.append(f"{name} = asarray({text})" if wrap else f"{name} = {text}")
            self.scalar_names.append(name)
        return name

    def _function(self, node: Apply) -> str:
        self.namespace[node.primitive.numpy.__name__] = node.primitive.numpy
        return node.primitive.numpy.__name__

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
        """Where the value of `node` goes; call it when its arguments have been released."""
        for i, root in enumerate(self.outputs):
            if root is node and f"out{i}" not in self.owner:
                name = f"out{i}"
                if name in self.free["r"]:
                    self.free["r"].remove(name)
                break
        else:
            name = self._new("b" if node.is_boolean else "r")
        if len(self.outputs) == 1 or not name.startswith("out"):  # outputs of many are never lent out again
            self.owner[name] = node
        self.values[node] = self.home[node] = name
        return name

    def _target_bits(self, name: str) -> str:
        if name[0] == "r":
            return f"i{name[1:]}"
        return name if self.dtype == self.integer else self._view(f"{name}_bits", name)

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
            text = f"choose({', '.join(map(self._operand, node.args))})"
            self._release_arguments(node)
            self.statements.append(f"copyto({self._target(node)}, {text})")
        elif node.primitive.name in ("maximum", "minimum") and any(arg in self.scalars for arg in node.args):
            self._extremum(node)
        else:
            self._call(node)

    def _call(self, node: Apply) -> None:
        """One NumPy call; a product with or quotient by a constant of the kernel is left out where that is 1."""
        operands = list(map(self._operand, node.args))
        text = f"{self._function(node)}({', '.join(operands)}, out="
        scaled = self._scaled(node)
        self._release_arguments(node)
        target = self._target(node)
        if scaled is None:
            self.statements.append(f"{text}{target})")
            return
        array, factor = (self._operand(arg) for arg in scaled)
        flag = self._define_scalar(f"{factor}_is_one", f"bool({factor} == 1)", wrap=False)
        if array == target:
            self.statements.append(f"{flag} or {text}{target})")
        elif array.startswith("in") and not any(root is node for root in self.outputs):
            name = self.values[node] = f"{target}_or_{array}"
            self.viewed.discard(f"{name}_bits")  # those of a product before it that had the same name
            self.statements.append(f"{name} = {array} if {flag} else {text}{target})")
        else:
            self.statements.append(f"{text}{target})")

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
        # NumPy's maximum of an array and a number takes three times as long as that of two arrays.
        (array,) = [arg for arg in node.args if arg not in self.scalars]
        (scalar,) = [arg for arg in node.args if arg in self.scalars]
        array_name = self._operand(array)
        if isinstance(scalar, Literal):
            if scalar.value not in self.tiles:
                self.tiles.append(scalar.value)
            scalar_name, borrowed = f"tile{self.tiles.index(scalar.value)}", None
        else:
            scalar_name = borrowed = self._new("r")
            self.statements.append(f"copyto({borrowed}, {self._operand(scalar)})")
        self._release_arguments(node)
        if borrowed is not None:
            self.free["r"].append(borrowed)
        self.statements.append(f"{self._function(node)}({array_name}, {scalar_name}, out={self._target(node)})")

    def _where(self, node: Apply) -> None:
        """A choice by arithmetic on bits, with the condition as integers 0 and 1.

        numpy.where mispredicts a branch for every other element of an irregular mask; these loops do not branch,
        and unlike a product with 0.0 they let no NaN or infinity of the branch not taken through.
        """
        condition, a, b = node.args
        mask = self._operand(condition)
        if _has_no_bits(a) and not _has_no_bits(b):  # choose b or zero: the same with the condition turned
            turned = self._new("b")
            self.statements.append(f"logical_not({mask}, out={turned})")
            self.free["b"].append(turned)
            mask, a, b = turned, b, a
        chosen = self._new("r")
        bits = self._target_bits(chosen)
        self.statements.append(f"copyto({bits}, {mask})")
        if _has_no_bits(b):
            last = f"multiply({self._bits(a)}, {bits}, out="
        elif a in self.scalars and b in self.scalars:
            difference = self._scalar_difference(a, b)
            self.statements.append(f"multiply({bits}, {difference}, out={bits})")
            last = f"add({bits}, {self._bits(b)}, out="
        else:
            difference = self._new("r")
            difference_bits = self._target_bits(difference)
            self.statements.append(f"bitwise_xor({self._bits(a)}, {self._bits(b)}, out={difference_bits})")
            self.statements.append(f"multiply({difference_bits}, {bits}, out={bits})")
            last = f"bitwise_xor({bits}, {self._bits(b)}, out="
            self.free["r"].append(difference)
        self._release_arguments(node)
        self.free["r"].append(chosen)
        self.statements.append(f"{last}{self._target_bits(self._target(node))})")

    def _scalar_difference(self, a: Expression, b: Expression) -> str:
        a_bits, b_bits = self._bits(a), self._bits(b)
        name = f"{a_bits}_minus_{b_bits}"
        if isinstance(a, Literal) and isinstance(b, Literal):
            self.namespace[name] = np.asarray(self.namespace[a_bits] - self.namespace[b_bits])
            return name
        return self._define_scalar(name, f"{a_bits} - {b_bits}")

    def _store_outputs(self) -> None:
        for i, root in enumerate(self.outputs):
            if self._operand(root) != f"out{i}":
                self.statements.append(f"copyto(out{i}, {self._operand(root)})")


def _has_no_bits(node: Expression) -> bool:
    """Whether a node is the literal 0.0, which a product with a mask gives; -0.0 has the bit of its sign."""
    return isinstance(node, Literal) and repr(node.value) == "0.0"
