"""Faults put into the tables of primitives and derivatives, one at a time: the suite must see each of them.

    python tests/mutation.py                    every fault; minutes to an hour
    python tests/mutation.py primitives 20      20 of them in one module, drawn by GRADCORE_TEST_SEED

A fault is an operator that is flipped (+ for -, * for /, < for >), a sign that is lost, or the name of a primitive that
is another's (sin for cos, logical_or for logical_and).  The library is copied to a folder of its own for it.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("primitives", "special", "tabulated", "derivative")
# In the order in which they find most in the least time.
TESTS = ("test_primitives.py", "test_special.py", "test_numpy_program.py", "test_elementwise.py",
         "test_activations.py", "test_tensor_operators.py", "test_tensor_autograd.py", "test_trust_formulas.py",
         "test_torch_names.py", "test_cpp_body.py", "test_cuda_source.py", "test_losses.py", "test_rowwise.py")

_FLIPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
            ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
_RENAMED = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "logical_and": "logical_or", "exp": "expm1",
            "greater": "less", "less": "greater", "greater_equal": "less", "less_equal": "greater", "log": "log1p",
            "square": "sqrt", "sqrt": "square", "equal": "not_equal", "floor": "round", "tanh": "erf"}


@dataclass(frozen=True)
class Fault:
    """The `number`-th place of a module where something is flipped."""

    module: str
    number: int
    line: int
    words: str
    text: str

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line}: {self.words}"


class _Flip(ast.NodeTransformer):
    """Flips one place and counts all."""

    def __init__(self, number: int = -1):
        self.number, self.count, self.found = number, 0, (0, "")

    def _is_here(self, node: ast.AST, words: str) -> bool:
        here = self.count == self.number
        self.count += 1
        if here:
            self.found = node.lineno, words
        return here

    def _ignoring(self, node: ast.AST) -> ast.AST:
        return node

    visit_arg = visit_Raise = visit_JoinedStr = _ignoring

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.value = node.value and self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [self.visit(part) for part in node.body]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        flipped = _FLIPPED.get(type(node.op))
        if flipped and self._is_here(node, f"{type(node.op).__name__} becomes {flipped.__name__}"):
            node.op = flipped()
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self.visit_BinOp(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        flipped = _FLIPPED.get(type(node.ops[0]))
        if flipped and self._is_here(node, f"{type(node.ops[0]).__name__} becomes {flipped.__name__}"):
            node.ops[0] = flipped()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub) and self._is_here(node, "a minus is lost"):
            return node.operand
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        named = node.args[0] if node.args and isinstance(node.func, ast.Name) and node.func.id == "apply" else None
        if isinstance(named, ast.Constant) and named.value in _RENAMED and self._is_here(
                node, f"{named.value} becomes {_RENAMED[named.value]}"):
            named.value = _RENAMED[named.value]
        return node


def faults(module: str) -> Iterator[Fault]:
    """Every fault of a module."""
    text = (ROOT / "backends" / "formulas" / f"{module}.py").read_text(encoding="utf-8")
    counter = _Flip()
    counter.visit(ast.parse(text))
    for number in range(counter.count):
        flip = _Flip(number)
        changed = ast.unparse(flip.visit(ast.parse(text)))
        yield Fault(module, number, *flip.found, changed)


class Copy:
    """A copy of the library, into which one fault after the other is put."""

    def __init__(self, folder: str):
        self.root = Path(folder)
        for name in ("gradcore", "backends", "tests"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", self.root)

    def sees(self, fault: Fault) -> bool:
        """Whether a test fails, or nothing runs at all."""
        place = self.root / "backends" / "formulas" / f"{fault.module}.py"
        before = place.read_text(encoding="utf-8")
        place.write_text(fault.text, encoding="utf-8")
        try:
            return any(self._fails(name) for name in TESTS)
        finally:
            place.write_text(before, encoding="utf-8")

    def _fails(self, name: str) -> bool:
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not gpu",
                   f"tests/{name}"]
        try:
            return subprocess.run(command, cwd=self.root, env=environment, capture_output=True,
                                  timeout=600).returncode != 0
        except subprocess.TimeoutExpired:
            return True


def unseen(chosen: list[Fault], say=print) -> list[Fault]:
    """The faults that no test sees."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(folder)
        for fault in chosen:
            if not copy.sees(fault):
                missed.append(fault)
                say(f"NOT SEEN  {fault}", flush=True)
    return missed


def main(arguments: list[str]) -> int:
    modules = [name for name in arguments if not name.isdigit()] or MODULES
    chosen = [fault for module in modules for fault in faults(module)]
    counts = [int(number) for number in arguments if number.isdigit()]
    if counts:
        seed = int(os.environ.get("GRADCORE_TEST_SEED") or random.randrange(2 ** 32))
        print(f"GRADCORE_TEST_SEED={seed}")
        chosen = random.Random(seed).sample(chosen, min(counts[0], len(chosen)))
    missed = unseen(chosen)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} faults are seen")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
