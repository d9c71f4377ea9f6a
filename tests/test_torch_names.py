"""Names and options of PyTorch: each beside PyTorch's own, as a function and as a method, with its gradient."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, no_grad
from torch_calls import (COUNTED, INDEX, INF, INTEGERS, LARGE, NAN, NUMBERS, PART, SMALL, SPECIAL, TIES, TRUTH,
                         WITH_NAN, ZEROS, arrays_of, case, compare_calls, forms_of)

ORDER = [
    case("sort", (3, 4)), case("sort", (3, 4), dim=0, descending=True), case("sort", INTEGERS), case("sort", ()),
    case("sort", TRUTH), case("sort", TIES, stable=True), case("sort", TIES, stable=True, descending=True),
    case("sort", WITH_NAN), case("sort", WITH_NAN, descending=True), case("sort", (0, 2), dim=0),
    case("argsort", (3, 4)), case("argsort", (3, 4), dim=0), case("argsort", INTEGERS.reshape(-1), stable=True),
    case("argsort", (3, 4), descending=True), case("argsort", ()),
    case("topk", (3, 5), args=(2,)), case("topk", (3, 5), args=(2,), dim=0), case("topk", (), args=(1,)),
    case("topk", (3, 5), args=(3,), largest=False), case("topk", (3, 5), args=(0,)),
    case("kthvalue", (3, 5), args=(2,)), case("kthvalue", (3, 5), args=(1,), dim=0, keepdim=True),
    case("median", (3, 4)), case("median", (3, 5), dim=1), case("median", (4, 3), dim=0, keepdim=True),
    case("median", ()), case("median", INTEGERS), case("median", WITH_NAN), case("median", WITH_NAN, dim=1),
    case("quantile", (3, 4), args=(0.3,)), case("quantile", (3, 4), args=(0.5,), dim=1, keepdim=True),
    case("quantile", (3, 4), np.array([0.0, 0.25, 0.9, 1.0]), dim=0), case("quantile", (), args=(0.5,)),
    *[case("quantile", (3, 4), args=(0.4,), dim=1, interpolation=how)
      for how in ("linear", "lower", "higher", "midpoint", "nearest")],
    case("quantile", (3, 4), np.array([0.2, 0.7]), keepdim=True), case("quantile", WITH_NAN, args=(0.5,), dim=1),
    case("unique", INTEGERS), case("unique", INTEGERS, return_inverse=True, return_counts=True),
    case("unique", np.array([2.0, 1.0, 2.0]), return_counts=True, gradient=False),
    case("unique", TRUTH, return_inverse=True),
    case("unique", np.zeros(0), return_inverse=True, gradient=False),
    case("bincount", COUNTED), case("bincount", COUNTED, minlength=6), case("bincount", COUNTED[:0]),
    case("bincount", COUNTED, np.array([0.5, 1.0, 2.0, 3.0]), gradient=False),
    case("searchsorted", np.array([1.0, 2.0, 2.0, 5.0]), np.array([[2.0, 0.0], [9.0, 3.0]]), method=False),
    case("searchsorted", np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0]), right=True, method=False),
    case("searchsorted", np.array([1.0, 2.0]), np.array(1.5), method=False),
    case("searchsorted", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.0, 9.0]] * 2), side="right",
          method=False),
]

SHAPES = [
    case("tril", (3, 4)), case("tril", (2, 3, 3), args=(1,)), case("triu", (4, 3), diagonal=-1),
    case("triu", TRUTH),
    case("tril", INTEGERS), case("diagonal", (3, 4)), case("diagonal", (3, 4, 2), args=(-1,)),
    case("diagonal", (2, 3, 4), offset=1, dim1=-1, dim2=0), case("diagonal", (2, 3), args=(5,)),
    case("trace", (3, 4)),
    case("roll", (3, 4), args=(1,)), case("roll", (3, 4), args=((1, -2), (0, 1))), case("roll", (0, 3), args=(1, 0)),
    case("movedim", (2, 3, 4), args=(0, -1)), case("movedim", (2, 3, 4), args=((0, 1), (2, 0))),
    case("tile", (2, 3), args=((2,),)), case("tile", (3,), args=((2, 1, 2),)),
    case("repeat_interleave", (2, 3), args=(2,)), case("repeat_interleave", (2, 3), args=(3,), dim=1),
    case("repeat_interleave", (2, 3), np.array([2, 0]), dim=0),
    case("narrow", (3, 5), args=(1, 1, 3)), case("narrow", (3, 5), args=(0, -2, 2)),
    case("select", (3, 5), args=(1, -1)),
    case("take_along_dim", (3, 4), np.array([[1, 0]]), dim=1), case("take_along_dim", (3, 4), np.array([5, 0, 5])),
    case("t", (2, 3)), case("t", (3,)), case("t", ()), case("swapaxes", (2, 3, 4), args=(0, -1)),
    case("expand_as", (1, 3), (2, 3), function=False), case("view_as", (2, 3), (3, 2), function=False),
    case("split", (5, 2), args=(2,)), case("chunk", (5, 2), args=(3,)), case("unbind", (2, 3), dim=1),
    case("nonzero", TRUTH), case("nonzero", TRUTH, as_tuple=True), case("nonzero", np.zeros((2, 0))),
]

ELEMENTS = [
    *[case(name, SMALL) for name in ("tan", "asin", "arcsin", "acos", "arccos", "atan", "arctan", "asinh", "atanh",
                                      "erfinv", "arcsinh", "arctanh")],
    case("asinh", NUMBERS), case("acosh", LARGE), case("arccosh", LARGE), case("log10", LARGE),
    case("atan2", (3, 4), (4,)), case("arctan2", SPECIAL, np.array(-2.0)), case("logit", PART),
    case("logit", PART, eps=0.2), case("lerp", (3, 4), (3, 4), (4,)), case("lerp", (3,), (3,), args=(0.75,)),
    case("fmod", NUMBERS, np.array([2.0, -0.75, 2.0, 7.0])), case("fmod", NUMBERS, args=(-2.0,)),
    case("fmod", np.array([-7, 7, 6]), np.array([3, -3, 3])),
    case("xlogy", np.array([0.0, 0.0, 2.0]), np.array([2.0, INF, 3.0]), gradient=False),
    case("xlogy", np.array([0.0, 1.0, 2.0]), np.array([2.0, 1.0, 3.0])),
    case("xlogy", np.zeros(2), np.array([0.0, NAN]), gradient=False), case("xlogy", (3,), args=(2.0,)),
    case("nan_to_num", SPECIAL), case("nan_to_num", SPECIAL, nan=1.0, posinf=2.0, neginf=3.0),
    case("nan_to_num", INTEGERS), case("clamp_min", (3, 4), args=(0.1,)), case("clamp_max", (3, 4), args=(0.1,)),
    case("isclose", SPECIAL, np.array([NAN, INF, 1.0, 1.000001])),
    case("isclose", SPECIAL, np.array([NAN, -INF, INF, 1.1]), rtol=0.2, equal_nan=True),
    case("isclose", INTEGERS, INTEGERS + np.array([0, 1, 0]), atol=0.5),
    case("add", (3, 4), (4,), alpha=2), case("sub", (3, 4), (4,), alpha=-0.5),
    case("add", INTEGERS, args=(1,), alpha=3),
    case("div", NUMBERS, args=(2.0,), rounding_mode="floor"),
    case("div", NUMBERS, args=(2.0,), rounding_mode="trunc"),
    case("div", np.array([-7, 7]), args=(2,), rounding_mode="trunc"), case("div", NUMBERS, args=(2.0,)),
    case("div", np.array([-7, 7]), args=(2,), rounding_mode="floor"), case("round", (3, 4), decimals=2),
    case("round", np.array([1234.5, -1250.0]), decimals=-2), case("round", INTEGERS),
    case("norm", (3, 4), args=("fro",)), case("norm", (2, 3, 4), p="fro", dim=(0, 2)),
]

PRODUCTS = [
    case("mm", (2, 3), (3, 4)), case("bmm", (2, 3, 4), (2, 4, 5)), case("mv", (2, 3), (3,)),
    case("dot", (3,), (3,)),
    case("outer", (2,), (3,)), case("addmm", (4,), (2, 3), (3, 4)),
    case("addmm", (2, 4), (2, 3), (3, 4), beta=0.5, alpha=-2), case("addmm", (2, 4), (2, 3), (3, 4), beta=0),
    case("cumprod", (3, 5), args=(1,)), case("cumprod", ZEROS, dim=1), case("cumprod", ZEROS, dim=0),
    case("cumprod", INTEGERS, dim=1), case("cumprod", (), dim=0),
    case("var_mean", (3, 4), method=False), case("var_mean", (3, 4), dim=1, correction=0, method=False),
    case("std_mean", (3, 4), dim=0, keepdim=True, method=False),
    case("scatter_add", (3, 3), args=(0,), dim_index=INDEX, src=(2, 3)),
    case("scatter_add", (2, 5), args=(1,), dim_index=INDEX, src=(4, 3), gradient=False),
    case("scatter_add", (2, 5), args=(1,), dim_index=INDEX, src=(2, 3)),
    case("scatter", (3, 3), args=(0,), dim_index=np.array([[2, 1, 0]]), src=(2, 3), gradient=False),
    case("scatter", (3, 3), args=(0,), dim_index=np.array([[2, 1, 0]]), src=(1, 3)),
    case("scatter", (3, 3), args=(1,), dim_index=np.array([[2], [1]]), value=1.5),
    case("index_add", (3, 2), args=(0,), dim_index=np.array([2, 2, 0, 1]), source=(4, 2)),
    case("index_add", (2, 3), args=(-1,), dim_index=np.array([2, 0]), source=(2, 2), alpha=-2.0),
]

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ba,bc", (3, 2), (3, 4)), ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)), ("ij->ji", (2, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)), ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...i,i", (2, 3, 4), (4,)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("ij,ij->ij", (2, 3), (1, 3)), ("ij,k->", (2, 3), (4,)), ("b...->...", (2, 3, 4)), ("iij,j->ij", (2, 2, 3), (3,)),
    ("i...,...->i", (3, 2), (2,)), ("ijj->i", (2, 3, 3)), (" i j , j -> i ", (2, 3), (3,)), (",i->i", (), (3,)),
]

@pytest.mark.parametrize("call", [call for call in ORDER + SHAPES + ELEMENTS + PRODUCTS
                                  if "dim_index" not in call.options], ids=str)
def test_gives_what_pytorch_gives(call, backend, torch, rng):
    arrays = arrays_of(call, rng)
    for form in forms_of(call):
        compare_calls(torch, backend, rng, lambda *x: form(gradcore, *x), lambda *x: form(torch, *x), arrays,
                      call.has_gradient)


@pytest.mark.parametrize("call", [call for call in PRODUCTS if "dim_index" in call.options], ids=str)
def test_scatters_as_pytorch_does(call, backend, torch, rng):
    options = dict(call.options)
    index = options.pop("dim_index")
    source = [name for name in ("src", "source") if name in options]
    value = options.pop("value", None)
    arrays = [*arrays_of(call, rng), index, *[rng.normal(size=options.pop(name)) for name in source]]

    def form(target: Any, x: Any, index: Any, *source: Any) -> Any:
        rest = (*source, *([value] if value is not None else []))
        function = getattr(x if target is None else target, call.name)
        return function(*([] if target is None else [x]), *call.args, index, *rest, **options)

    compare_calls(torch, backend, rng, lambda *x: form(gradcore, *x), lambda *x: form(torch, *x), arrays,
                  call.has_gradient)
    compare_calls(torch, backend, rng, lambda *x: form(None, *x), lambda *x: form(None, *x), arrays, call.has_gradient)


@pytest.mark.parametrize("equation, shapes", [(equation, shapes) for equation, *shapes in EQUATIONS],
                         ids=[equation for equation, *_ in EQUATIONS])
def test_einsum(equation, shapes, backend, torch, rng):
    arrays = [rng.normal(size=shape) for shape in shapes]
    compare_calls(torch, backend, rng, lambda *x: gradcore.einsum(equation, *x), lambda *x: torch.einsum(equation, *x),
                  arrays)


@pytest.mark.parametrize("equation, shapes", [
    ("ij,jk->ik", [(2, 3)]), ("ij->i", [(2,)]), ("ij,jk->ik", [(2, 3), (4, 5)]), ("i->ii", [(2,)]), ("i->j", [(2,)]),
    ("i-j", [(2,)]), ("....i->i", [(2, 2)]), ("ii->i", [(2, 3)])])
def test_einsum_refuses_in_words(equation, shapes):
    with pytest.raises(ValueError, match="einsum"):
        gradcore.einsum(equation, *[gradcore.ones(shape) for shape in shapes])


_PADDINGS = [(mode, sizes) for mode in ("constant", "reflect", "replicate", "circular")
             for sizes in ((1, 2), (0, 3), (2, 0, 1, 1))] + [("constant", (-1, 1)), ("constant", (-2, -1))]


@pytest.mark.parametrize("mode, sizes", _PADDINGS)
def test_pad(mode, sizes, backend, torch, rng):
    x = rng.normal(size=(2, 3, 4, 5))
    if mode != "constant" and len(sizes) == 2:
        x = x[0]
    compare_calls(torch, backend, rng, lambda t: gradcore.pad(t, sizes, mode=mode),
                  lambda t: torch.nn.functional.pad(t, sizes, mode=mode), [x])


def test_pad_takes_a_value(backend, torch, rng):
    compare_calls(torch, backend, rng, lambda t: gradcore.pad(t, (1, -1), value=2.5),
                  lambda t: torch.nn.functional.pad(t, (1, -1), value=2.5),
                  [rng.normal(size=(2, 3))])


def test_grids_and_stacks(backend, torch, rng):
    vectors = [rng.normal(size=2), rng.normal(size=3), rng.normal(size=())]
    for indexing in ("ij", "xy"):
        compare_calls(torch, backend, rng, lambda *x: gradcore.meshgrid(*x, indexing=indexing),
                      lambda *x: torch.meshgrid(*x, indexing=indexing), vectors)
    for shapes in ([(2,), (3,)], [(2, 3), (2, 4)], [(), ()]):
        compare_calls(torch, backend, rng, lambda *x: gradcore.hstack(x), lambda *x: torch.hstack(x),
                      [rng.normal(size=shape) for shape in shapes])
    for shapes in ([(3,), (3,)], [(2, 3), (4, 3)], [(), ()]):
        compare_calls(torch, backend, rng, lambda *x: gradcore.vstack(x), lambda *x: torch.vstack(x),
                      [rng.normal(size=shape) for shape in shapes])


@pytest.mark.parametrize("name", "float float32 double float64 half float16 long int64 int int32 short int16 int8 "
                                 "uint8 bool".split())
def test_dtypes_have_pytorchs_names(name, torch):
    dtype = getattr(gradcore, name)
    assert str(dtype) == str(getattr(torch, name)).split(".")[1] and isinstance(dtype, gradcore.dtype)
    assert gradcore.zeros(2, dtype=dtype).dtype == Tensor([1.0]).to(dtype).dtype == dtype


def test_devices_have_pytorchs_name():
    assert gradcore.device("cuda", 1) == "cuda:1" and gradcore.device("cpu").type == "cpu"
    assert Tensor([1.0]).to(gradcore.device("cpu")).device == gradcore.device("cpu")
    with pytest.raises(ValueError, match="a device must be"):
        gradcore.device("cpu", 1)


def test_size_is_a_number_and_a_method(backend):
    x = gradcore.zeros(2, 3, device=backend.device)
    assert x.size == 6 and x.size + 1 == 7 and isinstance(x.size, int)
    assert x.size() == (2, 3) and x.size(0) == 2 and x.size(dim=-1) == 3
    assert gradcore.zeros(()).size() == ()
    assert copy.deepcopy(x.size) == pickle.loads(pickle.dumps(x.size)) == 6
    with pytest.raises(IndexError, match="dimension 2 does not exist"):
        x.size(2)


def test_to_copies_where_it_is_asked_to(backend):
    x = gradcore.ones(2, device=backend.device, requires_grad=True)
    assert x.to(x.dtype, non_blocking=True) is x
    copied = x.to(x.device, copy=True)
    copied.sum().backward()
    with no_grad():
        copied.zero_()
    assert x.tolist() == [1, 1] and x.grad.tolist() == [1, 1]
    assert x.to(gradcore.float64, copy=True).dtype == gradcore.float64


@pytest.mark.parametrize("change", [
    lambda x, i, s: x.scatter_add_(0, i, s), lambda x, i, s: x.scatter_(0, i, s), lambda x, i, s: x.add_(s, alpha=2),
    lambda x, i, s: x.div_(2.0, rounding_mode="floor"), lambda x, i, s: x.tril_(), lambda x, i, s: x.round_(decimals=1),
    lambda x, i, s: x.index_add_(0, i[0], s, alpha=-1), lambda x, i, s: x.lerp_(s, 0.25),
    lambda x, i, s: x.clamp_min_(0.0)])
def test_changes_in_place(change, backend, torch, rng):
    def changed(x: Any, index: Any, source: Any) -> Any:
        target = x * 1.0
        assert change(target, index, source) is target
        return target

    compare_calls(torch, backend, rng, changed, changed, [rng.normal(size=(3, 3)), np.array([[2, 0, 1]] * 3),
                  rng.normal(size=(3, 3))])


def test_draws_in_place(backend):
    gradcore.manual_seed(0)
    x = gradcore.zeros(100, 100, device=backend.device)
    for change, mean, std in ((lambda: x.normal_(3.0, 2.0), 3, 2), (lambda: x.uniform_(-1, 3), 1, 4 / 12 ** 0.5),
                              (lambda: x.bernoulli_(0.25), 0.25, 0.1875 ** 0.5)):
        assert change() is x
        values = x.numpy()
        assert abs(values.mean() - mean) < 0.1 and abs(values.std() - std) < 0.1
    x.uniform_(-1, 3)
    assert x.numpy().min() >= -1 and x.numpy().max() < 3
    zeros_and_ones = gradcore.zeros(2, device=backend.device, dtype=gradcore.int64)
    assert zeros_and_ones.bernoulli_(Tensor([0.0, 1.0], device=backend.device)).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="normal_: a leaf that requires a gradient"):
        gradcore.zeros(2, device=backend.device, requires_grad=True).normal_()


@pytest.mark.parametrize("refused", [lambda x: x.normal_(0, -1), lambda x: x.uniform_(1, 0),
                                     lambda x: x.bernoulli_(1.5), lambda x: x.long().normal_()])
def test_draws_in_place_refuse_in_words(refused):
    x = gradcore.ones(3)
    with pytest.raises((ValueError, TypeError), match="normal_|uniform_|bernoulli_"):
        refused(x)
    assert x.tolist() == [1, 1, 1]


def test_multinomial_draws_by_weight(backend):
    gradcore.manual_seed(1)
    weights = Tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 0.0]], device=backend.device)
    drawn = weights.multinomial(4000, replacement=True)
    assert drawn.shape == (2, 4000) and drawn.dtype == gradcore.int64 and drawn.device == backend.device
    shares = np.stack([np.bincount(row, minlength=3) for row in drawn.numpy()]) / 4000
    np.testing.assert_allclose(shares, [[0.25, 0, 0.75], [0.5, 0.5, 0]], atol=0.05)
    both = gradcore.multinomial(weights, 2)
    assert np.sort(both.numpy(), 1).tolist() == [[0, 2], [0, 1]]
    first = np.array([gradcore.multinomial(weights[0], 1).item() for _ in range(300)])
    assert abs((first == 2).mean() - 0.75) < 0.15 and not (first == 1).any()


@pytest.mark.parametrize("weights, count, replacement", [
    ([1.0, -1.0], 1, True), ([0.0, 0.0], 1, True), ([1.0, 0.0], 2, False), ([1.0, NAN], 1, True), ([1.0], 0, True),
    ([[[1.0]]], 1, True), ([], 1, True), ([1.0], 2, False)])
def test_multinomial_refuses_in_words(weights, count, replacement):
    with pytest.raises(ValueError, match="multinomial"):
        gradcore.multinomial(Tensor(weights), count, replacement)


@pytest.mark.parametrize("refused, error, words", [
    (lambda x: x.topk(4), ValueError, "topk: k must be from 0 to 3"),
    (lambda x: x.kthvalue(0), ValueError, "kthvalue: k must be from 1 to 3"),
    (lambda x: x.quantile(1.5), ValueError, "quantile: q must be"),
    (lambda x: x.quantile(0.5, interpolation="cubic"), ValueError, "quantile: interpolation must be"),
    (lambda x: x[0].tril(), ValueError, "tril needs a tensor of two"),
    (lambda x: x[0].trace(), ValueError, "trace takes a matrix"),
    (lambda x: x.narrow(0, 1, 3), ValueError, "narrow: there is no part of length 3"),
    (lambda x: x.roll((1, 2), 0), ValueError, "roll needs a shift for each dimension"),
    (lambda x: x.repeat_interleave(-1), ValueError, "repeat_interleave needs"),
    (lambda x: gradcore.pad(x, (1, 2, 3)), ValueError, "pad needs two numbers"),
    (lambda x: gradcore.pad(x, (3, 0), mode="reflect"), ValueError, "pad: mode 'reflect' cannot make"),
    (lambda x: gradcore.pad(x, (1, 0), mode="mirror"), ValueError, "pad: mode must be one of"),
    (lambda x: x.mm(x[0]), ValueError, "mm takes tensors of 2 and 2 dimension"),
    (lambda x: gradcore.addmm(gradcore.ones(5, 2, 2), x[:, :2], x[:, :2]), ValueError, "addmm: input of shape"),
    (lambda x: x.div(2, rounding_mode="up"), ValueError, "div: rounding_mode must be"),
    (lambda x: x.norm("nuc"), ValueError, 'norm needs a number p, or "fro"'),
    (lambda x: x.scatter_add(0, [[-1]], x), IndexError, "scatter_add: the index must hold positions from 0 to 1"),
    (lambda x: x.scatter(0, [[0.5]], x), TypeError, "integers"),
    (lambda x: x.scatter(0, [[0]], x.double()), TypeError, "scatter: the values must have the dtype"),
    (lambda x: x.scatter(0, [[0] * 4], x), ValueError, "scatter: an index of shape"),
    (lambda x: x.index_add(0, [0, 1], x[:1]), ValueError, "index_add needs a vector of integers"),
    (lambda x: x[0].long().bincount(x[0, :2]), ValueError, "bincount: weights must have"),
    (lambda x: (x[0].long() - 5).bincount(), ValueError, "bincount needs numbers of at least 0"),
    (lambda x: gradcore.searchsorted(x, x[0]), ValueError, "searchsorted: the sorted tensor must be")])
def test_refusals_name_the_function(refused, error, words):
    x = gradcore.ones(2, 3)
    with pytest.raises(error, match=words):
        refused(x)
    assert (x == 1).all()
