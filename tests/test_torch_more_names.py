"""PyTorch's rarer names and its names of arguments: each beside PyTorch's own, with its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from torch_calls import INTEGERS, SPECIAL, TIES, TRUTH, WITH_NAN, arrays_of, case, compare_calls, forms_of

ANGLES = np.array([-180.0, -30.0, 0.0, 90.0])
HALVES = np.array([-2.5, -1.25, 0.0, 0.5, 1.0, 2.0, 7.75, 30.0, 1e10])
PLACES = np.array([2, 0])

CALLS = [
    case("lgamma", HALVES), case("lgamma", (3, 4)), case("digamma", (3, 4)), case("digamma", HALVES[HALVES != 0]),
    case("frac", np.array([-2.5, 1.25, 3.0])), case("deg2rad", ANGLES), case("rad2deg", ANGLES),
    case("sinc", np.array([0.3, -1.5, 2.0])), case("heaviside", np.array([-1.0, 0.0, 2.0]), np.array([0.5]),
                                                  gradient=False),
    case("addcmul", (3, 4), (4,), (3, 1), value=0.5), case("addcdiv", (3,), (3,), (3,), value=-2.0),
    case("inner", (2, 3), (4, 3)), case("inner", (), (3,)), case("vdot", (3,), (3,)), case("ger", (2,), (3,)),
    case("addmv", (2,), (2, 3), (3,), beta=0.5, alpha=2.0), case("addr", (2, 3), (2,), (3,), beta=2.0),
    case("baddbmm", (2, 2, 4), (2, 2, 3), (2, 3, 4), alpha=0.5), case("addbmm", (2, 4), (3, 2, 3), (3, 3, 4)),
    case("kron", (2, 3), (4,), method=False), case("kron", (2, 3), (2, 2), method=False),
    case("cdist", (4, 3), (5, 3), method=False), case("cdist", (2, 4, 3), (1, 5, 3), p=1.0, method=False),
    case("aminmax", (3, 4)), case("aminmax", (3, 4), dim=1, keepdim=True),
    case("nansum", WITH_NAN, gradient=False), case("nansum", WITH_NAN, dim=1, gradient=False),
    case("nanmean", WITH_NAN, dim=0, gradient=False),
    case("cummax", (3, 5), args=(1,)), case("cummax", TIES, dim=1), case("cummin", TIES, dim=0),
    case("cummax", WITH_NAN, dim=1, gradient=False), case("cummin", INTEGERS, dim=1), case("cummax", (), dim=0),
    case("mode", np.array([[3, 1, 3, 1, 2], [5, 4, 4, 4, 5]])), case("mode", TIES, dim=1, keepdim=True),
    case("cov", (3, 6)), case("cov", (6,), correction=0), case("corrcoef", (3, 6)),
    case("histc", np.array([0.1, 0.5, 0.55, 2.0, -1.0, 1.0]), bins=4, min=0, max=1, gradient=False),
    case("histc", np.array([0.1, 0.5, 2.0]), args=(3,), gradient=False),
    case("tensor_split", (7, 2), args=(3,)), case("tensor_split", (7, 2), args=((2, 5, 9),)),
    case("tensor_split", (2, 5), args=((1, -2),), dim=1), case("hsplit", (2, 4), args=(2,), method=False),
    case("vsplit", (4, 2), args=((1,),), method=False), case("dsplit", (2, 2, 4), args=(2,), method=False),
    *[case(f"atleast_{n}d", shape, method=False) for n in (1, 2, 3) for shape in ((), (2,), (2, 3))],
    case("diag", (3,)), case("diag", (3,), args=(-1,)), case("diag", (3, 4), args=(1,)),
    case("diag_embed", (2, 3)), case("diag_embed", (2, 3), offset=1, dim1=0, dim2=2),
    case("diag_embed", (3,), offset=-2), case("fliplr", (2, 3)), case("flipud", (2, 3)), case("ravel", (2, 3)),
    *[case("rot90", (2, 3), args=(k, (0, 1))) for k in (-1, 0, 1, 2, 3)], case("rot90", (2, 3, 4), args=(1, (2, 0))),
    case("unflatten", (2, 6), args=(1, (2, -1))), case("unflatten", (6,), dim=-1, sizes=(3, 2)),
    case("moveaxis", (2, 3, 4), args=(0, -1)), case("swapdims", (2, 3), args=(0, 1), method=False),
    case("combinations", (4,), method=False), case("combinations", (3,), r=3, with_replacement=True, method=False),
    case("cartesian_prod", (2,), (3,), method=False), case("block_diag", (2, 3), (1,), (2, 2), method=False),
    case("broadcast_tensors", (3, 1), (4,), method=False), case("argwhere", TRUTH),
    case("masked_scatter", (2, 3), TRUTH, (4,)), case("greater", (3,), (3,)), case("less_equal", (3,), args=(0.1,)),
    case("not_equal", INTEGERS, args=(1,)), case("divide", (3,), (3,), rounding_mode="floor"),
    case("subtract", (3,), (3,), alpha=2), case("true_divide", INTEGERS, args=(2,), method=False),
    case("mean", (3, 4), dim=1, dtype=None), case("clone", (3,)), case("equal", (2,), (2,), gradient=False),
]


@pytest.mark.parametrize("call", [call for call in CALLS if call.name != "equal"], ids=str)
def test_gives_what_pytorch_gives(call, backend, torch, rng):
    arrays = arrays_of(call, rng)
    for form in forms_of(call):
        compare_calls(torch, backend, rng, lambda *x: form(gradcore, *x), lambda *x: form(torch, *x), arrays,
                      call.has_gradient)


def test_lists_of_tensors(backend, torch, rng):
    for name, shapes in (("column_stack", [(3,), (3, 2)]), ("dstack", [(2, 3), (2, 3)]), ("dstack", [(3,), (3,)])):
        compare_calls(torch, backend, rng, lambda *x: getattr(gradcore, name)(x), lambda *x: getattr(torch, name)(x),
                      [rng.normal(size=shape) for shape in shapes])
    for name in ("tril_indices", "triu_indices"):
        for args in ((3, 4), (4, 2, 1), (2, 3, -1)):
            ours = getattr(gradcore, name)(*args, device=backend.device)
            assert ours.tolist() == getattr(torch, name)(*args).tolist() and ours.device == backend.device
    assert gradcore.broadcast_shapes((3, 1), (4,)) == (3, 4)


@pytest.mark.parametrize("form", [
    lambda x, i, s: x.index_fill(0, i, 5.0), lambda x, i, s: x.index_fill_(1, i, -1.0),
    lambda x, i, s: x.index_copy(0, i, s[:2]), lambda x, i, s: x.index_copy_(1, i, s[:, :2]),
    lambda x, i, s: x.index_put((i, i), s[0, :2]), lambda x, i, s: x.index_put_((i,), s[0], accumulate=True),
    lambda x, i, s: x.index_put((i * 0, i), s[0, :2], accumulate=True), lambda x, i, s: x.masked_scatter_(s > 0, s),
    lambda x, i, s: x.addcmul_(s, s, value=2.0), lambda x, i, s: x.addcdiv_(s, s + 3), lambda x, i, s: x.cos_(),
    lambda x, i, s: x.sigmoid_(), lambda x, i, s: x.tanh_(), lambda x, i, s: x.sin_(), lambda x, i, s: x.relu_(),
    lambda x, i, s: x.exp2_(), lambda x, i, s: x.expm1_(), lambda x, i, s: x.cumsum_(1), lambda x, i, s: x.addmm_(s, s),
    lambda x, i, s: x.fill_diagonal_(2.0)])
def test_changes(form, backend, torch, rng):
    compare_calls(torch, backend, rng, lambda x, i, s: form(x * 1.0, i, s), lambda x, i, s: form(x * 1.0, i, s),
                  [rng.normal(size=(3, 3)), PLACES, rng.normal(size=(3, 3))])


# Each as PyTorch's documentation names its arguments.
NAMED = [
    ("abs", {}), ("exp", {}), ("relu", {}), ("tanh", {}), ("sigmoid", {}), ("isnan", {}), ("neg", {}),
    ("add", {"other": 2.0, "alpha": 3.0}), ("mul", {"other": 2.0}), ("sub", {"other": 1.0}), ("div", {"other": 4.0}),
    ("pow", {"exponent": 2.0}), ("remainder", {"other": 0.3}), ("eq", {"other": 1.0}), ("gt", {"other": 0.0}),
    ("maximum", {"other": 0.1}), ("matmul", {"other": 0.5}), ("allclose", {"other": 1.0}),
    ("logaddexp", {"other": 0.0}),
    ("sum", {"dim": 0, "keepdim": True}), ("mean", {"dim": 1}), ("amax", {"dim": 0}), ("any", {}),
    ("argmax", {"dim": 1}),
    ("std", {"dim": 0, "correction": 0}), ("cumsum", {"dim": 1}), ("prod", {"dim": 0}), ("count_nonzero", {}),
    ("softmax", {"dim": 1}), ("log_softmax", {"dim": 0}), ("logsumexp", {"dim": 0}), ("norm", {"p": "fro"}),
    ("reshape", {"shape": (9,)}), ("permute", {"dims": (1, 0)}), ("transpose", {"dim0": 0, "dim1": 1}),
    ("squeeze", {}), ("unsqueeze", {"dim": 1}), ("flatten", {"start_dim": 0, "end_dim": 1}), ("flip", {"dims": (0, 1)}),
    ("chunk", {"chunks": 2, "dim": 1}), ("unbind", {"dim": 1}), ("broadcast_to", {"size": (2, 3, 3)}),
    ("clamp", {"min": 0.0, "max": 0.5}), ("nonzero", {}), ("zeros_like", {}), ("full_like", {"fill_value": 2.0}),
    ("tril", {"diagonal": 1}), ("topk", {"k": 2, "dim": 0}), ("sort", {"dim": 0, "descending": True}),
    ("roll", {"shifts": 1, "dims": 0}), ("tile", {"dims": (2, 1)}), ("det", {}), ("inverse", {}), ("slogdet", {}),
    ("var", {"dim": 0, "unbiased": False}), ("round", {"decimals": 1}), ("bitwise_not", {}), ("logical_not", {}),
]


@pytest.mark.parametrize("name, options", NAMED, ids=[name for name, _ in NAMED])
def test_arguments_have_pytorchs_names(name, options, torch, rng):
    values = rng.integers(0, 9, (3, 3)) if name.startswith("bitwise") else rng.normal(size=(3, 3))
    if name == "broadcast_to" or name == "round":
        options = {("size" if key == "shape" else key): value for key, value in options.items()}

    def called(library):
        x = library.tensor(values)
        given = {key: library.full_like(x, value) if key == "other" else value for key, value in options.items()}
        return getattr(library, name)(input=x, **given)

    def plain(result):
        parts = result if isinstance(result, (tuple, list)) else (result,)
        return [part if isinstance(part, bool) else np.asarray(part) for part in parts]

    for ours, theirs in zip(plain(called(gradcore)), plain(called(torch)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_arguments_of_methods_and_factories():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    calls = [
        (x.add(other=x), x + x), (x.pow(exponent=2), x ** 2), (x.transpose(dim0=0, dim1=1), x.T),
        (gradcore.transpose(x, dim0=0, dim1=1), x.T), (x.permute(dims=(1, 0)), x.T),
        (x.reshape(shape=(4,)), x.reshape(4)), (x.view(size=(4,)), x.reshape(4)),
        (x.repeat(repeats=(2, 1)), x.repeat(2, 1)),
        (x.expand(size=(2, 2)), x), (gradcore.zeros(size=(2, 3)), gradcore.zeros(2, 3)),
        (gradcore.full(size=(2,), fill_value=1.0), gradcore.ones(2)),
        (gradcore.cat(tensors=(x, x), dim=0), x.repeat(2, 1)),
        (gradcore.where(condition=x > 2, input=x, other=0.0), x * (x > 2)),
        (gradcore.split(tensor=x, split_size_or_sections=1, dim=0)[0], x[:1]),
        (gradcore.gather(input=x, dim=0, index=gradcore.zeros(1, 2).long()), x[:1]), (x.sum(axis=0), x.sum(dim=0)),
        (gradcore.mean(input=gradcore.arange(3), dtype=gradcore.float64), Tensor(1.0)),
    ]
    for ours, expected in calls:
        assert ours.tolist() == expected.tolist()
    for call in (lambda: gradcore.abs(input=x, other=x), lambda: gradcore.add(x, input=x), lambda: x.sum(other=1),
                 lambda: x.transpose(dims=(0, 1), speed=3)):
        with pytest.raises(TypeError):
            call()


def test_facts_and_constants(torch):
    x = gradcore.ones(2, 3, dtype=gradcore.float64)
    assert gradcore.is_tensor(x) and not gradcore.is_tensor(1) and gradcore.numel(x) == x.nelement() == 6
    assert x.is_floating_point() and not x.long().is_floating_point() and x.element_size() == x.itemsize == 8
    assert x.nbytes == 48 and x.ndimension() == 2 and x.get_device() == -1 and x.is_same_size(x * 2)
    assert gradcore.is_nonzero(Tensor([2.0])) and not gradcore.is_nonzero(Tensor([0]))
    assert (gradcore.pi, gradcore.e, gradcore.inf) == (math.pi, math.e, math.inf) and math.isnan(gradcore.nan)
    assert x[gradcore.newaxis].shape == gradcore.Size((1, 2, 3))
    assert gradcore.finfo(gradcore.float32).eps == torch.finfo(torch.float32).eps
    assert gradcore.iinfo(gradcore.uint8).max == 255
    for made, expected in ((x.new_zeros(2), [0, 0]), (x.new_ones((2,)), [1, 1]), (x.new_full((2,), 7), [7, 7]),
                           (x.new_tensor([1, 2]), [1, 2])):
        assert made.dtype == gradcore.float64 and made.tolist() == expected
    assert x.new_empty(2, 3, dtype=gradcore.int64).dtype == gradcore.int64


def test_the_default_dtype_is_float32():
    assert gradcore.get_default_dtype() == gradcore.float32
    gradcore.set_default_dtype(gradcore.float32)
    with pytest.raises(ValueError, match="name float64 where tensors are made"):
        gradcore.set_default_dtype(gradcore.float64)


def test_the_accelerator():
    assert gradcore.accelerator.is_available() == gradcore.cuda.is_available()
    assert gradcore.accelerator.device_count() == gradcore.cuda.device_count()
    device = gradcore.accelerator.current_accelerator()
    assert (device is None) == (not gradcore.cuda.is_available())
    gradcore.accelerator.synchronize()


def test_special_values_of_the_gamma_function():
    assert gradcore.lgamma(Tensor([1.0, 2.0])).tolist() == [0.0, 0.0]
    assert np.isinf(gradcore.lgamma(Tensor([0.0, -1.0, -np.inf, np.inf])).numpy()).all()
    assert gradcore.digamma(Tensor([0.0])).item() == -math.inf
    assert np.isnan(gradcore.digamma(Tensor([-1.0])).numpy()).all() and len(SPECIAL) == 4


@pytest.mark.parametrize("refused, words", [
    (lambda x: gradcore.diag(x.reshape(1, 2, 3)), "diag takes a vector or a matrix"),
    (lambda x: gradcore.rot90(x, 1, (0, 0)), "two different dimensions"),
    (lambda x: x.tensor_split(0), "at least one part"), (lambda x: x.histc(0), "at least one bin"),
    (lambda x: x.index_fill(0, [0.5], 1.0), "index_fill needs a vector of integers"),
    (lambda x: x.masked_scatter(x > 0, x[:1]), "there are 3 elements"),
    (lambda x: gradcore.cdist(x, x.T), "rows of one length"), (lambda x: x[0].fill_diagonal_(1.0), "takes a matrix"),
    (lambda x: gradcore.is_nonzero(x), "one element")])
def test_refusals_are_in_words(refused, words):
    x = gradcore.ones(2, 3)
    with pytest.raises(ValueError, match=words):
        refused(x)
    assert (x == 1).all()
