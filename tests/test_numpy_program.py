"""NumPy programs of random formulas against a plain evaluation, node by node: registers must not get mixed up."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore import get_backend
from gradcore.backends import Kernel
from gradcore.backends.formulas.expand import expand
from gradcore.backends.formulas.expression import Expression, Literal, Symbol, apply, in_order
from gradcore.backends.cpu.program import NumPyProgram

UNARY = ["negative", "abs", "tanh", "sigmoid", "exp", "expm1", "log1p", "square", "sin", "arctan", "sign", "floor"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum"]
COMPARISONS = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]
LITERALS = [0.0, 1.0, -1.0, 0.5, 3.0, -0.0]


def random_kernel(rng: np.random.Generator, size: int) -> Kernel:
    """A formula of `size` nodes with shared parts, choices, scalars and one to three outputs."""
    inputs = [Symbol.array(f"x{i}") for i in range(rng.integers(1, 4))]
    constants = [Symbol.constant(f"c{i}") for i in range(rng.integers(0, 3))]
    nodes: list[Expression] = inputs + constants + [Literal.of(value) for value in rng.choice(LITERALS, 2)]

    def pick() -> Expression:
        return nodes[rng.integers(len(nodes))] if rng.random() < 0.5 else nodes[-1 - rng.integers(min(4, len(nodes)))]

    for _ in range(size):
        kind = rng.random()
        if kind < 0.35:
            # Bounded arguments keep values finite and far from chaos, so that rounding stays rounding.
            nodes.append(apply(rng.choice(UNARY), apply("minimum", apply("abs", apply("arctan", pick())), 2.0)))
        elif kind < 0.7:
            nodes.append(apply(rng.choice(BINARY), pick(), pick()))
        else:
            condition = apply(rng.choice(COMPARISONS), pick(), pick())
            if rng.random() < 0.3:
                condition = apply("logical_and", condition, apply("logical_not", apply("less", pick(), pick())))
            nodes.append(apply("where", condition, pick(), pick()))
    arrays = [node for node in nodes if not node.is_scalar]
    outputs = [arrays[-1 - i] for i in range(min(len(arrays), rng.integers(1, 4)))]
    return Kernel("random", inputs, constants, outputs)


def evaluate(kernel: Kernel, arrays: list, constants: list, dtype: np.dtype) -> list:
    """The outputs, each node computed by its NumPy function on whole arrays."""
    values: dict[Expression, object] = dict(zip(kernel.inputs, arrays))
    values.update((symbol, dtype.type(value)) for symbol, value in zip(kernel.constants, constants))
    outputs = expand(kernel.outputs)
    for node in in_order(outputs):
        if isinstance(node, Literal):
            values[node] = node.value if node.is_boolean else dtype.type(node.value)
        elif node not in values:
            values[node] = node.primitive.numpy(*(values[arg] for arg in node.args))
    return [np.broadcast_to(values[node], arrays[0].shape) for node in outputs]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 4, 8, 16, 40])
def test_random_formulas(rng, size, dtype):
    dtype, backend = np.dtype(dtype), get_backend("cpu")
    for _ in range(12):
        kernel = random_kernel(rng, size)
        arrays = [rng.choice([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5], 501).astype(dtype) for _ in kernel.inputs]
        constants = [float(rng.choice([-1.0, 0.0, 1.0, 0.5])) for _ in kernel.constants]
        before = [array.copy() for array in arrays]
        with np.errstate(all="ignore"):
            expected = evaluate(kernel, arrays, constants, dtype)
        for shape in ((501,), (3, 167)):
            got = backend.elementwise(kernel, [array.reshape(shape) for array in arrays], constants)
            for ours, theirs in zip(got, expected):
                np.testing.assert_allclose(ours.reshape(-1), theirs, rtol=2e-4 if dtype == np.float32 else 1e-9,
                                           atol=1e-4 if dtype == np.float32 else 1e-9, err_msg=repr(kernel))
        strided = [np.repeat(array, 2)[::2] for array in arrays]
        for ours, theirs in zip(backend.elementwise(kernel, strided, constants), got):  # the program's other form
            np.testing.assert_array_equal(ours, theirs.reshape(-1))
            assert ours.dtype == theirs.dtype == dtype
        for array, original in zip(arrays, before):
            np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
@pytest.mark.parametrize("name", ["add", "multiply", "negative", "abs", "sign", "maximum", "minimum", "floor_divide",
                                  "where", "less", "choice of booleans"])
def test_both_forms_agree_on_integers(rng, name, dtype):
    if name == "choice of booleans":
        x, y = Symbol.array("x"), Symbol.array("y")
        kernel = Kernel("choice", [x, y], [], [apply("where", x < y, x > 1.0, y > 1.0), apply("where", x < y, x, 0.0)])
    else:
        kernel = Kernel.of_primitive(name)
    backend = get_backend("cpu")
    arrays = [rng.integers(1, 5, (4, 5)).astype(dtype) for _ in kernel.inputs]
    if name == "where":
        arrays[0] = arrays[0] > 2
    got = backend.elementwise(kernel, arrays)  # the first call makes what the second one takes
    for again, known, strided in zip(backend.elementwise(kernel, arrays), got,
                                     backend.elementwise(kernel, [np.repeat(array, 2)[::2] for array in arrays])):
        assert again.dtype == known.dtype == strided.dtype
        np.testing.assert_array_equal(again, known)
        np.testing.assert_array_equal(strided, known.reshape(-1))


def test_registers_are_reused():
    x = Symbol.array("x")
    chain = x
    for _ in range(20):
        chain = apply("sin", chain) + x
    program = NumPyProgram(Kernel("chain", [x], [], [chain]), np.dtype("float32"))
    assert program.registers == 0  # the output serves for all of it


def test_the_text_of_a_program_can_be_asked_for():
    source = str(get_backend("cpu").compile(Kernel.of_primitive("where"), np.float32))
    assert source.startswith("def where_tile(") and "numpy.where" not in source


def test_a_choice_within_a_choice_becomes_one_where_a_side_is_the_same():
    x, y = Symbol.array("x"), Symbol.array("y")
    values = np.array([-1.0, 0.0, 2.0, np.nan], np.float32)
    a, b = (part.ravel() for part in np.meshgrid(values, values))
    c, d, sum_of = x > 0.0, y > 0.0, x + y
    choices = [apply("where", c, 0.0, apply("where", d, 0.0, sum_of)),
               apply("where", c, y, apply("where", d, sum_of, y)),
               apply("where", c, apply("where", d, sum_of, x), x),
               apply("where", c, apply("where", d, 0.0, y), 0.0)]
    p, q, added = a > 0, b > 0, a + b
    expected = [np.where(p, 0, np.where(q, 0, added)), np.where(p, b, np.where(q, added, b)),
                np.where(p, np.where(q, added, a), a), np.where(p, np.where(q, 0, b), 0)]
    for choice, wanted in zip(choices, expected):
        assert repr(choice).count("where") == 1
        found, = get_backend("cpu").elementwise(Kernel("choice", [x, y], [], [choice]), [a, b], ())
        np.testing.assert_array_equal(found, wanted.astype(np.float32))
    of_constant = apply("where", Symbol.constant("c") > 0.0, 0.0, apply("where", c, 0.0, y))
    assert repr(of_constant).count("where") == 2  # settled for a whole call


def test_a_choice_by_a_constant_is_made_once_a_call():
    x, c = Symbol.array("x"), Symbol.constant("c")
    kernel = Kernel("choice", [x], [c], [apply("where", c > 0.0, apply("exp", x), apply("log", x))])
    backend = get_backend("cpu")
    x_value = np.array([0.5, 2.0], np.float32)
    for constant, function in ((1.0, np.exp), (-1.0, np.log), (2.0, np.exp), (0.0, np.log), (0.0, np.log)):
        np.testing.assert_allclose(backend.elementwise(kernel, [x_value], (constant,))[0], function(x_value), rtol=1e-6)
    programs = kernel.compiled["numpy"].programs.values()
    assert sorted("exp(" in str(typed.program) for typed in programs) == [False, True]
    assert all(("exp(" in str(typed.program)) != ("log(" in str(typed.program)) for typed in programs)


def test_numbers_are_told_apart(rng):
    x, number = Symbol.array("x"), Symbol.array("number")
    kernel = Kernel("quotient", [number, x], [], [apply("divide", apply("abs", x), number)])
    backend, value = get_backend("cpu"), rng.normal(size=5).astype(np.float32)
    for divisor in (2.0, 2.0, 3.0, 2, 0.0, -0.0, 0.0, float("nan"), -0.0, 2.0):
        with np.errstate(all="ignore"):
            expected = abs(value) / np.float32(divisor)
        for _ in range(2):
            got, = backend.elementwise(kernel, [divisor, value])
            np.testing.assert_array_equal(got, expected)
            assert got.dtype == np.float32


@pytest.mark.parametrize("constants", [(1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (2.0, 3.0)])
def test_products_that_are_left_out_are_told_apart(constants):
    x, (a, b) = Symbol.array("x"), map(Symbol.constant, "ab")
    inner = apply("minimum", 0.5, apply("where", a * x > 0.5, 0.5, a * x))
    kernel = Kernel("scaled", [x], [a, b], [apply("where", inner >= x / b, x, x / b)])
    values = np.array([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5])
    (expected,) = evaluate(kernel, [values], list(constants), np.dtype(np.float64))
    (got,) = get_backend("cpu").elementwise(kernel, [values], constants)
    np.testing.assert_array_equal(got, expected)


def test_zero_and_minus_zero_are_different_constants():
    x, c = Symbol.array("x"), Symbol.constant("c")
    kernel = Kernel("quotient", [x], [c], [apply("divide", x, c)])
    one, backend = np.ones(3, np.float32), get_backend("cpu")
    assert backend.elementwise(kernel, [one], (0.0,))[0][0] == np.inf
    assert backend.elementwise(kernel, [one], (-0.0,))[0][0] == -np.inf
    assert backend.elementwise(kernel, [one], (0.0,))[0][0] == np.inf


def test_zero_and_minus_zero_are_different_bounds():
    x = Symbol.array("x")
    kernel = Kernel("parts", [x], [], [apply("maximum", x, 0.0), apply("minimum", x, -0.0)])
    values = np.array([-1.0, 1.0])
    for again in (values, values, np.repeat(values, 2)[::2]):
        positive, negative = get_backend("cpu").elementwise(kernel, [again])
        np.testing.assert_array_equal(np.signbit(positive), [False, False])
        np.testing.assert_array_equal(np.signbit(negative), [True, True])
