"""The array API standard: each function beside array_api_strict in value, dtype and shape, and its gradient."""

from __future__ import annotations

import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradcore
from gradcore import Tensor, array_api
from gradcore.testing.test_interface import needs_dtype

from array_api_cases import BY_HAND, DRAWN, FLOATS, INTEGERS, ROWS, SIGNED, UNSIGNED, Row
from library import ROOT

array_api_strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

STANDARD = [name for name in array_api_strict.__all__
            if name[0].islower() and not name.startswith(("complex", "set_", "get_", "reset_"))
            and name not in ("fft", "linalg", "broadcast_shapes", "isin")]  # the last two are of a later version
NO_FUNCTIONS = {"e", "inf", "nan", "pi", "newaxis", "bool", *FLOATS, *INTEGERS}


def test_every_function_of_the_standard_is_there_and_in_the_table():
    named = {row.name for row in ROWS} | BY_HAND | NO_FUNCTIONS
    assert not [name for name in STANDARD if not hasattr(array_api, name)]
    assert not [name for name in STANDARD if name not in named]
    assert not [name for name in array_api_strict.linalg.__all__ if not hasattr(array_api.linalg, name)
                or f"linalg.{name}" not in named and name not in named]


def _promotable(dtypes: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    """Dtypes that meet in the standard: of one kind, and no uint64 beside signed ones."""
    def meet(a: str, b: str) -> bool:
        kinds = np.dtype(a).kind, np.dtype(b).kind
        return kinds[0] == kinds[1] or set(kinds) == {"i", "u"} and "uint64" not in (a, b)

    if count == 1:
        return [(dtype,) for dtype in dtypes]
    return [(a, b, *(b,) * (count - 2)) for a in dtypes for b in dtypes if meet(a, b)]


def _arrays(draw: Any, row: Row) -> list[np.ndarray]:
    """Dtypes and shapes are drawn, and values by a generator whose seed is: each by itself would take long."""
    count = len(row.shapes)
    dtypes = draw(st.sampled_from(_promotable(row.dtypes, count)))
    rng, shapes = np.random.default_rng(draw(st.integers(0, 2**16))), row.shapes
    if DRAWN in shapes:
        shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3)).input_shapes
    return [_values(rng, np.dtype(dtype), shape, row) for dtype, shape in zip(dtypes, shapes)]


def _values(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], row: Row) -> np.ndarray:
    if dtype.kind == "f":
        return rng.uniform(row.low, row.high, shape).astype(dtype)
    low = max(row.low, 0) if dtype.kind in "ub" else row.low
    return rng.integers(int(np.ceil(low)), int(row.high) + 1, shape).astype(dtype)


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


@pytest.mark.parametrize("row", ROWS, ids=str)
@settings(max_examples=6)
@given(data=st.data())
def test_results_are_those_of_array_api_strict(backend, row, data):
    arrays = _arrays(data.draw, row)
    with np.errstate(all="ignore"):
        wanted = row.call(array_api_strict, *map(array_api_strict.asarray, arrays))
    found = row.call(array_api, *[gradcore.tensor(array, device=backend.device) for array in arrays])
    assert isinstance(found, (tuple, list)) == isinstance(wanted, (tuple, list))
    assert len(_listed(found)) == len(_listed(wanted))
    for ours, theirs in zip(_listed(found), _listed(wanted)):
        reference = np.asarray(theirs._array)
        assert isinstance(ours, Tensor) and ours.device == backend.device
        assert ours.dtype == reference.dtype and ours.shape == reference.shape
        tolerance = {"float32": 1e-4, "float64": 1e-10}.get(str(ours.dtype), 0)
        np.testing.assert_allclose(ours.numpy(), reference, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("row", [row for row in ROWS if row.has_gradient and "float64" in row.dtypes], ids=str)
def test_gradients_are_difference_quotients(backend, row):
    rng = np.random.default_rng(zlib.crc32(str(row).encode()))  # no data on a kink
    shapes = [(2, 3)[i:] if shape == DRAWN else shape for i, shape in enumerate(row.shapes)]
    inputs = [Tensor(rng.uniform(row.low, row.high, shape), True, device=backend.device) for shape in shapes]
    assert gradcore.gradcheck(lambda *tensors: row.call(array_api, *tensors), inputs)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_dtypes_are_those_of_the_standard(dtype):
    named = getattr(array_api, dtype)
    info = array_api.__array_namespace_info__()
    assert info.dtypes()[dtype] == named == dtype
    kinds = ("bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric")
    for kind in kinds:
        expected = array_api_strict.isdtype(getattr(array_api_strict, dtype), kind)
        assert array_api.isdtype(named, kind) == expected == (dtype in info.dtypes(kind=kind))
    assert array_api.isdtype(named, (named, "bool")) and not array_api.isdtype(named, ())
    if dtype in FLOATS:
        ours, theirs = array_api.finfo(named), array_api_strict.finfo(getattr(array_api_strict, dtype))
        assert [getattr(ours, name) for name in ("bits", "eps", "max", "min", "smallest_normal")] == [
            getattr(theirs, name) for name in ("bits", "eps", "max", "min", "smallest_normal")]
    elif dtype != "bool":
        ours = array_api.iinfo(Tensor([1], dtype=dtype))
        theirs = array_api_strict.iinfo(getattr(array_api_strict, dtype))
        assert (ours.bits, ours.max, ours.min) == (theirs.bits, theirs.max, theirs.min)


@pytest.mark.parametrize("kind", [(*FLOATS,), (*SIGNED, "uint8", "uint16", "uint32"), UNSIGNED])
def test_dtypes_meet_as_in_the_standard(kind):
    for a in kind:
        for b in kind:
            wanted = str(array_api_strict.result_type(getattr(array_api_strict, a), getattr(array_api_strict, b)))
            assert wanted.endswith(str(array_api.result_type(np.dtype(a), Tensor([1], dtype=b))))
            assert array_api.can_cast(np.dtype(a), b) == wanted.endswith(b)
            wide, one = gradcore.ones(2, dtype=a), gradcore.ones((), dtype=b)
            for result in (array_api.add(wide, one), array_api.where(one > 0, one, wide)):
                assert wanted.endswith(str(result.dtype))
        assert array_api.result_type(np.dtype(a), 3) == a


def test_what_is_missing_is_refused_in_words():
    for name in ("fft", "complex64", "complex128"):
        assert not hasattr(array_api, name)
        with pytest.raises(AttributeError, match=f"{name}: .* not there; tensors hold"):
            getattr(array_api, name)
    info = array_api.__array_namespace_info__()
    assert info.default_dtypes()["complex floating"] is None and info.dtypes(kind="complex floating") == {}
    with pytest.raises(TypeError, match="tensors hold booleans, integers and floats"):
        array_api.asarray(np.ones(2, complex))
    with pytest.raises(ValueError, match="2024.12; got '2030.01'"):
        Tensor([1]).__array_namespace__(api_version="2030.01")
    for wrong, message in [(lambda x: array_api.squeeze(x, 0), "squeeze: the dimensions 0"),
                           (lambda x: array_api.take(x, x), "take needs an axis"),
                           (lambda x: array_api.cumulative_sum(x), "cumulative_sum needs an axis"),
                           (lambda x: array_api.isdtype(x.dtype, "float"), "a kind is one of bool"),
                           (lambda x: array_api.reshape(x.T, (6,), copy=False), "needs a copy"),
                           (lambda x: array_api.asarray([1], copy=False), "without a copy"),
                           (lambda x: x.to_device("cpu", stream=1), "stream=1")]:
        with pytest.raises(ValueError, match=message):
            wrong(gradcore.ones(2, 3))


def test_a_tensor_is_an_array_of_the_standard(backend):
    x = Tensor([[1, 2, 3], [4, 5, 6]], dtype="float64", device=backend.device)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is gradcore.array_api
    assert isinstance(x.size, int) and x.size == 6 == array_api_strict.asarray(np.ones((2, 3))).size
    assert x.size() == x.shape == (2, 3) and x.size(0) == 2 and isinstance(x.shape, tuple)
    assert x.mT.shape == x.T.shape == (3, 2) and x.to_device(x.device) is x
    assert x.to_device("cpu").device == "cpu" and hash(x) != hash(x.clone()) and x.device in {backend.device}
    element = array_api.sum(x)
    assert (bool(element), int(element), float(element), complex(element)) == (True, 21, 21.0, 21 + 0j)
    bits = gradcore.tensor([1, 6], dtype="uint16", device=backend.device)
    assert (bits << 2).tolist() == [4, 24] and (12 >> bits).tolist() == [6, 0] and (bits >> 1).dtype == "uint16"
    bits <<= 1
    bits |= 1
    for dtype in ("int8", "uint8", "int64", "uint64"):  # as many places as there are bits, and more
        wide = gradcore.tensor([100, 3], dtype=dtype, device=backend.device)
        assert (wide << 64).tolist() == (wide << 70).tolist() == (wide >> 64).tolist() == [0, 0]
    assert (gradcore.tensor([-5], device=backend.device) >> 64).tolist() == [-1]
    if backend.is_synchronous:
        with pytest.raises(ValueError, match="`b` must be from 0"):
            bits << -1
    assert bits.tolist() == [3, 13] and (~bits).tolist() == [65532, 65522]
    assert x[gradcore.tensor([1, 0], device=backend.device), 2].tolist() == [6, 3]
    assert x[None, ..., -1].shape == (1, 2) and x[x > 4].tolist() == [5, 6]


def test_creation(backend):
    device = backend.device
    for ours, expected in [
            (array_api.arange(3, device=device), np.arange(3)),
            (array_api.arange(5, 0, -2, dtype=array_api.int8, device=device), np.array([5, 3, 1], "int8")),
            (array_api.arange(1.0, step=-1, device=device), np.zeros(0, "float32")),
            (array_api.linspace(0, 1, 4, endpoint=False, device=device), np.array([0, 0.25, 0.5, 0.75], "float32")),
            (array_api.linspace(1, -1, 3, dtype="float64", device=device), np.array([1.0, 0.0, -1.0])),
            (array_api.eye(2, 3, k=1, dtype=array_api.uint32, device=device), np.eye(2, 3, 1, "uint32")),
            (array_api.full((2,), 2**63, dtype=array_api.uint64, device=device), np.full(2, 2**63, "uint64")),
            (array_api.full(2, True, device=device), np.ones(2, bool)),
            (array_api.zeros((2, 0), device=device), np.zeros((2, 0), "float32")),
            (array_api.ones(2, dtype=array_api.int16, device=device), np.ones(2, "int16")),
            (array_api.asarray([[1, 2], [3, 4]], device=device), np.array([[1, 2], [3, 4]])),
            (array_api.asarray(2.5, dtype=array_api.float64, device=device), np.array(2.5)),
            (array_api.imag(array_api.ones(2, dtype=array_api.int8, device=device)), np.zeros(2, "int8"))]:
        assert ours.device == device and ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours.numpy(), expected)
    made = array_api.empty((2, 3), dtype=array_api.int8, device=device)
    assert made.shape == (2, 3) and array_api.empty_like(made).dtype == made.dtype == "int8"
    x = gradcore.ones(2, device=device)
    assert array_api.asarray(x) is x and array_api.asarray(x, copy=False) is x
    copied = array_api.asarray(x, copy=True)
    copied[0] = 5
    assert x.tolist() == [1, 1]


def test_memory_is_shared_where_the_standard_says():
    array = np.zeros(2)
    shared = [array_api.asarray(array), array_api.asarray(array, copy=False), array_api.from_dlpack(array)]
    apart = [array_api.asarray(array, copy=True), array_api.from_dlpack(array, copy=True),
             array_api.asarray(array, dtype=array_api.float32)]
    array[0] = 7
    assert [x[0].item() for x in shared] == [7] * 3 and [x[0].item() for x in apart] == [0] * 3
    with pytest.raises(ValueError, match="float32 on cpu without a copy"):
        array_api.asarray(array, dtype=array_api.float32, copy=False)
    x = gradcore.arange(6.0)
    x[0] = 9
    view, copy = array_api.reshape(x, (2, 3)), array_api.reshape(x, (2, 3), copy=True)
    view[1, 1] = -1
    assert x.tolist() == [9, 1, 2, 3, -1, 5] and copy[1, 1] == 4


def test_the_namespace_is_loaded_when_it_is_asked_for():
    program = ("import sys, gradcore; assert 'gradcore.array_api' not in sys.modules; gradcore.ones(2).sum(); "
               "assert 'gradcore.array_api' not in sys.modules; xp = gradcore.ones(2).__array_namespace__(); "
               "assert xp is gradcore.array_api is sys.modules['gradcore.array_api']")
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_quotients_of_infinities_are_those_of_the_standard(backend, dtype):
    needs_dtype(backend, dtype)
    a = Tensor([np.inf, -np.inf, np.inf, 1, -1, 0, 7, np.nan, np.inf, -1], dtype=dtype, device=backend.device)
    b = Tensor([2, 2, -2, -np.inf, np.inf, np.inf, 2, 1, np.inf, 0], dtype=dtype, device=backend.device)
    expected = [np.inf, -np.inf, -np.inf, -0.0, -0.0, 0.0, 3, np.nan, np.nan, -np.inf]
    in_place = a.clone()
    in_place //= b
    for quotients in (array_api.floor_divide(a, b), a // b, gradcore.div(a, b, rounding_mode="floor"), in_place):
        found = quotients.numpy()
        np.testing.assert_array_equal(found, expected)
        assert np.signbit(found).tolist()[:7] == [False, True, True, True, True, False, False]
        assert found.dtype == dtype
    assert (a[:2] // 2).tolist() == [np.inf, -np.inf] and (-1 // b[4:6]).tolist() == [0, 0]
