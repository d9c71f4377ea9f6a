"""A row for each function of the array API standard: how it is called, on which dtypes and shapes, and whether it has
a gradient.

A call takes the namespace, array_api_strict or this library's, and arrays; shapes are fixed or drawn, values drawn.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

FLOATS = ("float32", "float64")
SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
NUMBERS, EVERYTHING = FLOATS + INTEGERS, FLOATS + INTEGERS + ("bool",)
DRAWN = "drawn"


class Row(NamedTuple):
    """`call(xp, *arrays)` for arrays of `shapes` (or of drawn ones that broadcast) with values from `low` to `high`."""

    name: str
    call: Callable
    dtypes: tuple[str, ...]
    shapes: tuple = (DRAWN,)
    low: float = -3.0
    high: float = 3.0
    has_gradient: bool = False
    label: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.label and '-' + self.label}"


def _named(names: str, dtypes: tuple[str, ...], arity: int = 1, low: float = -3.0, high: float = 3.0,
           gradient: bool = False) -> list[Row]:
    """Rows of functions that take arrays and nothing else."""
    def row(name: str) -> Row:
        return Row(name, lambda xp, *arrays: getattr(xp, name)(*arrays), dtypes, (DRAWN,) * arity, low, high, gradient)

    return [row(name) for name in names.split()]


ELEMENTWISE = [
    *_named("atan asinh cos cosh exp expm1 sin sinh tanh", FLOATS, gradient=True),
    *_named("acos asin atanh", FLOATS, low=-0.9, high=0.9, gradient=True),
    *_named("acosh", FLOATS, low=1.1, high=9, gradient=True),
    *_named("log log1p log2 log10 sqrt reciprocal", FLOATS, low=0.25, high=9, gradient=True),
    *_named("tan", FLOATS, low=-1.2, high=1.2, gradient=True),
    *_named("abs negative positive square", NUMBERS, gradient=True),
    *_named("ceil floor round sign trunc conj isfinite isinf isnan", NUMBERS),
    *_named("signbit", FLOATS), *_named("real", NUMBERS),
    *_named("logical_not", ("bool",)), *_named("bitwise_invert", INTEGERS + ("bool",)),
    *_named("add maximum minimum multiply subtract", NUMBERS, 2, gradient=True),
    *_named("floor_divide remainder", NUMBERS, 2, low=1, high=9),
    *_named("pow", NUMBERS, 2, low=0.5, high=3, gradient=True),
    *_named("divide", FLOATS, 2, low=0.25, high=9, gradient=True),
    *_named("atan2 hypot logaddexp", FLOATS, 2, gradient=True),
    *_named("copysign nextafter", FLOATS, 2, gradient=True),
    *_named("greater greater_equal less less_equal", NUMBERS, 2), *_named("equal not_equal", EVERYTHING, 2),
    *_named("logical_and logical_or logical_xor", ("bool",), 2),
    *_named("bitwise_and bitwise_or bitwise_xor", INTEGERS + ("bool",), 2),
    *_named("bitwise_left_shift bitwise_right_shift", INTEGERS, 2, low=0, high=6),
]


def _row(name: str, call: Callable, dtypes: tuple[str, ...] = NUMBERS, shapes: tuple = ((2, 3),), gradient: bool = True,
         low: float = -3.0, high: float = 3.0, label: str = "") -> Row:
    return Row(name, call, dtypes, shapes, low, high, gradient, label)


def _along(names: str, dtypes: tuple[str, ...], shape: tuple[int, ...] = (2, 3, 2), gradient: bool = True,
           several: bool = True, **options: Any) -> list[Row]:
    """Rows of reductions: of everything, along one dimension, and along several."""
    axes = [{}, {"axis": 1}, {"axis": -1, "keepdims": True}, *([{"axis": (0, 2)}, {"axis": ()}] if several else [])]

    def row(name: str, axis: dict) -> Row:
        return _row(name, lambda xp, x: getattr(xp, name)(x, **axis, **options), dtypes, (shape,), gradient,
                    label=str(axis.get("axis", "all")).replace(" ", ""))

    return [row(name, axis) for name in names.split() for axis in axes]


STATISTICS = [
    *_along("sum prod max min", NUMBERS), *_along("mean std var", FLOATS),
    *_along("var", FLOATS, several=False, correction=1.5), *_along("all any", EVERYTHING, gradient=False),
    *_along("count_nonzero", EVERYTHING, gradient=False),
    *_along("argmax argmin", NUMBERS, gradient=False, several=False),
    _row("sum", lambda xp, x: xp.sum(x, dtype=xp.float64), label="dtype"),
    _row("prod", lambda xp, x: xp.prod(x, dtype=xp.int16), INTEGERS, label="dtype"),
    _row("cumulative_sum", lambda xp, x: xp.cumulative_sum(x, axis=1)),
    _row("cumulative_sum", lambda xp, x: xp.cumulative_sum(x, include_initial=True), shapes=((4,),), label="initial"),
    _row("cumulative_prod", lambda xp, x: xp.cumulative_prod(x, axis=0)),
    _row("cumulative_prod", lambda xp, x: xp.cumulative_prod(x, axis=-1, include_initial=True), label="initial"),
    _row("diff", lambda xp, x: xp.diff(x)), _row("diff", lambda xp, x: xp.diff(x, n=2, axis=1), label="n"),
    _row("diff", lambda xp, x, a, b: xp.diff(x, axis=0, prepend=a, append=b), shapes=((2, 3), (1, 3), (2, 3)),
         label="ends"),
]

MANIPULATION = [
    _row("broadcast_to", lambda xp, x: xp.broadcast_to(x, (4, 2, 3)), EVERYTHING),
    _row("broadcast_arrays", lambda xp, x, y: xp.broadcast_arrays(x, y), EVERYTHING, ((3, 1), (2,))),
    _row("concat", lambda xp, x, y: xp.concat([x, y], axis=1), NUMBERS, ((2, 3), (2, 1))),
    _row("concat", lambda xp, x, y: xp.concat((x, y), axis=None), NUMBERS, ((2, 3), (2,)), label="flat"),
    _row("expand_dims", lambda xp, x: xp.expand_dims(x, axis=-2), EVERYTHING),
    _row("flip", lambda xp, x: xp.flip(x), EVERYTHING), _row("flip", lambda xp, x: xp.flip(x, axis=-1), label="axis"),
    _row("moveaxis", lambda xp, x: xp.moveaxis(x, (0, 1), (2, 0)), EVERYTHING, ((2, 3, 2),)),
    _row("permute_dims", lambda xp, x: xp.permute_dims(x, (2, 0, 1)), EVERYTHING, ((2, 3, 2),)),
    _row("repeat", lambda xp, x: xp.repeat(x, 2, axis=1), EVERYTHING),
    _row("repeat", lambda xp, x: xp.repeat(x, 3), EVERYTHING, label="flat"),
    _row("reshape", lambda xp, x: xp.reshape(x, (3, -1)), EVERYTHING),
    _row("roll", lambda xp, x: xp.roll(x, 1), EVERYTHING),
    _row("roll", lambda xp, x: xp.roll(x, (1, -2), axis=(0, 1)), EVERYTHING, label="axes"),
    _row("squeeze", lambda xp, x: xp.squeeze(x, axis=(0, -1)), EVERYTHING, ((1, 3, 1),)),
    _row("stack", lambda xp, x, y: xp.stack([x, y], axis=-1), NUMBERS, ((2, 3), (2, 3))),
    _row("tile", lambda xp, x: xp.tile(x, (2, 1, 2)), EVERYTHING),
    _row("unstack", lambda xp, x: xp.unstack(x, axis=1), EVERYTHING),
    _row("tril", lambda xp, x: xp.tril(x, k=1), EVERYTHING, ((2, 3, 3),)),
    _row("triu", lambda xp, x: xp.triu(x, k=-1), EVERYTHING, ((2, 3, 3),)),
    _row("meshgrid", lambda xp, x, y: xp.meshgrid(x, xp.astype(y, x.dtype)), NUMBERS, ((3,), (2,))),
    _row("meshgrid", lambda xp, x, y: xp.meshgrid(x, x, y, indexing="ij"), FLOATS[1:], ((3,), (2,)), label="ij"),
]


def _index(xp: Any, x: Any, positions: list) -> Any:
    return xp.asarray(positions, device=x.device)


SEARCHING = [
    _row("nonzero", lambda xp, x: xp.nonzero(x), EVERYTHING, gradient=False),
    _row("searchsorted", lambda xp, x, y: xp.searchsorted(xp.sort(x), y), NUMBERS, ((5,), (2, 3)), False),
    _row("searchsorted", lambda xp, x, y: xp.searchsorted(x, y, side="right", sorter=xp.argsort(x)), NUMBERS,
         ((5,), (3,)), False, label="sorter"),
    _row("where", lambda xp, x, y: xp.where(xp.less(x, y), x, y), NUMBERS, (DRAWN, DRAWN)),
    _row("where", lambda xp, x: xp.where(x > 1, x, 0), NUMBERS, (DRAWN,), label="number"),
    _row("clip", lambda xp, x: xp.clip(x, 0, 2), NUMBERS, (DRAWN,)),
    _row("clip", lambda xp, x, y: xp.clip(x, max=xp.astype(y, x.dtype)), NUMBERS, ((2, 3), (3,)), label="max"),
    _row("argsort", lambda xp, x: xp.argsort(x, axis=0), NUMBERS, ((5, 2),), False),
    _row("argsort", lambda xp, x: xp.argsort(x, descending=True), NUMBERS, ((5,),), False, label="descending"),
    _row("sort", lambda xp, x: xp.sort(x), NUMBERS, ((2, 4),)),
    _row("sort", lambda xp, x: xp.sort(x, axis=0, descending=True), NUMBERS, ((4, 2),), label="descending"),
    _row("unique_all", lambda xp, x: xp.unique_all(x), EVERYTHING, gradient=False),
    _row("unique_counts", lambda xp, x: xp.unique_counts(x), EVERYTHING, gradient=False),
    _row("unique_inverse", lambda xp, x: xp.unique_inverse(x), EVERYTHING, gradient=False),
    _row("unique_values", lambda xp, x: xp.unique_values(x), EVERYTHING, gradient=False),
    _row("take", lambda xp, x: xp.take(x, _index(xp, x, [2, 0, -1]), axis=1), EVERYTHING),
    _row("take", lambda xp, x: xp.take(x, _index(xp, x, [3, 3])), EVERYTHING, ((4,),), label="vector"),
    _row("take_along_axis", lambda xp, x: xp.take_along_axis(x, _index(xp, x, [[2, -1], [0, 0]]), axis=1), EVERYTHING),
    _row("astype", lambda xp, x: xp.astype(x, xp.int16), EVERYTHING, gradient=False),
    _row("astype", lambda xp, x: xp.astype(x, xp.float64), EVERYTHING, label="float"),
    *[_row(name, lambda xp, x, name=name: getattr(xp, name)(x), EVERYTHING, gradient=False)
      for name in ("zeros_like", "ones_like")],
    _row("full_like", lambda xp, x: xp.full_like(x, 1), EVERYTHING, gradient=False),
]

LINEAR_ALGEBRA = [
    _row("matmul", lambda xp, x, y: xp.matmul(x, y), NUMBERS, ((2, 3), (3, 2))),
    _row("matmul", lambda xp, x, y: xp.matmul(x, y), NUMBERS, ((2, 1, 2, 3), (2, 3, 2)), label="stack"),
    _row("matrix_transpose", lambda xp, x: xp.matrix_transpose(x), EVERYTHING, ((2, 3, 2),)),
    _row("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=1), NUMBERS, ((2, 3), (3, 2))),
    _row("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=((0, 2), (1, 0))), NUMBERS, ((2, 3, 2), (2, 2, 3)),
         label="axes"),
    _row("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=0), NUMBERS, ((2,), (3,)), label="outer"),
    _row("vecdot", lambda xp, x, y: xp.vecdot(x, y), NUMBERS, ((2, 3), (3,))),
    _row("linalg.cross", lambda xp, x, y: xp.linalg.cross(x, y, axis=-2), NUMBERS, ((3, 2), (3, 2))),
    _row("linalg.outer", lambda xp, x, y: xp.linalg.outer(x, y), NUMBERS, ((2,), (3,))),
    _row("linalg.diagonal", lambda xp, x: xp.linalg.diagonal(x, offset=1), NUMBERS, ((2, 3, 4),)),
    _row("linalg.trace", lambda xp, x: xp.linalg.trace(x, offset=-1), NUMBERS, ((2, 3, 4),)),
    *[_row("linalg.vector_norm", lambda xp, x, ord=ord: xp.linalg.vector_norm(x, axis=1, ord=ord), FLOATS,
           ((2, 3),), label=str(ord)) for ord in (2, 1, 3, float("inf"), float("-inf"), -2)],
    _row("linalg.vector_norm", lambda xp, x: xp.linalg.vector_norm(x, ord=0), FLOATS, ((2, 3),), False, label="0"),
]


def _definite(xp: Any, x: Any) -> Any:
    """A symmetric, positive definite matrix made of any."""
    return xp.matmul(x, xp.matrix_transpose(x)) + xp.eye(x.shape[-2], dtype=x.dtype, device=x.device)


def _of_matrix(name: str, shape: tuple[int, ...] = (2, 3, 3), prepare: Callable = lambda xp, x: x,
               finish: Callable = lambda result: result, gradient: bool = True, label: str = "", **options: Any) -> Row:
    def call(xp: Any, x: Any) -> Any:
        return finish(getattr(xp.linalg, name)(prepare(xp, x), **options))

    return _row(f"linalg.{name}", call, FLOATS, (shape,), gradient, label=label)


def _squares(factors: Any) -> Any:
    """Of factors that are unique but for the sign of their vectors."""
    return [factor * factor for factor in factors]


FACTORIZATIONS = [
    _of_matrix("cholesky", prepare=_definite), _of_matrix("cholesky", prepare=_definite, upper=True, label="upper"),
    _of_matrix("inv", prepare=_definite), _of_matrix("det"), _of_matrix("slogdet"),
    _of_matrix("eigh", prepare=_definite, finish=_squares), _of_matrix("eigvalsh", prepare=_definite),
    _of_matrix("qr", (2, 4, 3), finish=_squares), _of_matrix("qr", (3, 4), finish=_squares, label="wide"),
    _of_matrix("qr", (4, 2), finish=lambda factors: factors[1] * factors[1], gradient=False, label="complete",
               mode="complete"),
    _of_matrix("svd", (2, 4, 3), finish=_squares, full_matrices=False),
    _of_matrix("svd", (3, 4), finish=_squares, full_matrices=False, label="wide"),
    _of_matrix("svd", (4, 2), finish=lambda factors: factors[1], label="full"),
    _of_matrix("svdvals", (3, 2)), _of_matrix("pinv", (4, 3)), _of_matrix("pinv", (2, 3, 4), label="wide"),
    _of_matrix("matrix_rank", (2, 3, 4), gradient=False), _of_matrix("matrix_rank", (4, 2), rtol=0.6, gradient=False),
    *[_row("linalg.matrix_power", lambda xp, x, n=n: xp.linalg.matrix_power(_definite(xp, x), n), FLOATS, ((3, 3),),
           low=-1, high=1, label=str(n)) for n in (0, 1, 3, -2)],
    *[_of_matrix("matrix_norm", (2, 3, 4), label=str(ord), ord=ord)
      for ord in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))],
    _of_matrix("matrix_norm", (3, 2), label="kept", ord="nuc", keepdims=True),
    *[_row("linalg.solve", lambda xp, x, y: xp.linalg.solve(_definite(xp, x), y), FLOATS, shapes, label=label)
      for label, shapes in (("", ((2, 3, 3), (3, 2))), ("vector", ((2, 3, 3), (3,))), ("same", ((3, 3, 3), (3, 3))))],
]

ROWS = [*ELEMENTWISE, *STATISTICS, *MANIPULATION, *SEARCHING, *LINEAR_ALGEBRA, *FACTORIZATIONS]

# Tested one by one: they take no arrays, or give what is in no other library.
BY_HAND = set("""arange asarray can_cast empty empty_like eye finfo from_dlpack full iinfo imag isdtype linspace ones
                 result_type zeros""".split())
