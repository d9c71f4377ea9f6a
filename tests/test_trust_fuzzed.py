"""What random programs, compared with PyTorch, found: each stands for a class of faults."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from gradcore.nn import functional

from tensor_cases import normal


def _both(torch, function, *arrays):
    """The results of `function(library, functional, *tensors)` in both libraries, and the gradients of the first."""
    found = []
    for lib, names in ((gradcore, functional), (torch, torch.nn.functional)):
        tensors = [lib.tensor(array) for array in arrays]
        for tensor in tensors:
            tensor.requires_grad_(str(tensor.dtype).endswith("float64"))
        results = function(lib, names, *tensors)
        results = results if isinstance(results, tuple) else (results,)
        leaves = [tensor for tensor in tensors if tensor.requires_grad]
        total = (results[0] * lib.tensor(normal(9, tuple(results[0].shape)))).sum()
        gradients = lib.autograd.grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * len(leaves)
        found.append([*results, *[lib.zeros(1) if gradient is None or not gradient.any() else gradient
                                  for gradient in gradients]])
    ours, theirs = ([np.asarray(tensor.detach().numpy()) for tensor in tensors] for tensors in found)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, 1e-12, 1e-12)


@pytest.mark.parametrize("stride, padding, more, dilation", [(1, 0, 1, 2), (1, 1, 2, 3), (2, 2, 4, 5), (1, 3, 1, 2)])
def test_transposed_convolutions_with_more_output_than_a_stride(torch, stride, padding, more, dilation):
    for n in (1, 2):
        shapes = (2, 2, *[4] * n), (2, 3, *[3] * n), (3,)
        _both(torch, lambda lib, F, x, w, b: getattr(F, f"conv_transpose{n}d")(
            x, w, b, stride=stride, padding=padding, output_padding=more, dilation=dilation),
            *[normal(i, shape) for i, shape in enumerate(shapes)])


@pytest.mark.parametrize("training", [True, False])
def test_second_derivatives_by_the_scale_of_a_norm_alone(training):
    """The mean and the variance, which backward reads, depend on the input alone."""
    weight, bias = [Tensor(normal(i, 4), requires_grad=True) for i in (0, 1)]
    x = Tensor(normal(2, (2, 4, 3)))
    running = [None, None] if training else [gradcore.zeros(4), gradcore.ones(4)]
    y = functional.batch_norm(x, *running, weight, bias, training=training)
    first = gradcore.grad((y * Tensor(normal(3, (2, 4, 3)))).sum(), [weight, bias], create_graph=True)
    total = (first[0] * 2).sum() + (weight * 3).sum()
    second = gradcore.grad(total, [weight, bias], allow_unused=True, materialize_grads=True)
    assert second[0].tolist() == [3] * 4 and second[1].tolist() == [0] * 4


def test_padding_is_never_the_largest_of_a_window(torch):
    x = np.full((1, 1, 5, 5), -np.inf)
    x[0, 0, 1, 1], x[0, 0, 4, 2] = 2, -1
    for options in ({"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 2, "padding": 1},
                    {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2, "ceil_mode": True}):
        _both(torch, lambda lib, F, x: F.max_pool2d(x, **options, return_indices=True), x)
        _both(torch, lambda lib, F, x: F.max_pool1d(x[0, 0], **options, return_indices=True), x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_resampling_keeps_what_is_not_finite_in_its_place(backend, value):
    x = normal(0, (1, 2, 9, 9))
    x[0, 0, 0, 0] = value
    x = Tensor(x, device=backend.device, requires_grad=True)
    for y in (functional.adaptive_avg_pool2d(x, (4, 3)), functional.interpolate(x, (4, 5), mode="area"),
              functional.interpolate(x, (12, 5), mode="bilinear"), functional.interpolate(x, (18, 4), mode="bicubic")):
        is_finite = np.isfinite(y.detach().numpy())
        assert not is_finite[0, 0, 0, 0] and is_finite[0, 1].all() and is_finite[0, 0, 3:, 3:].all()
        gradient, = gradcore.grad(y.sum(), x)
        assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("name, call", {
    "gather": lambda lib, x, i: x.gather(0, i), "gather of a vector": lambda lib, x, i: x.gather(-1, i.reshape(1)),
    "index_select": lambda lib, x, i: x.index_select(0, i), "scatter": lambda lib, x, i: x.scatter(-1, i, x * 2),
    "scatter_": lambda lib, x, i: x.clone().scatter_(0, i, x * 2),
    "index_fill": lambda lib, x, i: x.index_fill(0, i, 3.0),
    "scatter_add": lambda lib, x, i: x.scatter_add(0, i.reshape(1), x.reshape(1)),
    "scatter_reduce": lambda lib, x, i: x.scatter_reduce(0, i, x * 2, "amax"),
    "index_add": lambda lib, x, i: x.index_add(0, i, x), "index_copy": lambda lib, x, i: x.index_copy(0, i, x * 3),
    "masked_scatter": lambda lib, x, i: x.masked_scatter(i == 0, lib.stack([x * 2, x])),
    "transpose": lambda lib, x, i: x.transpose(0, -1), "unfold": lambda lib, x, i: x.unfold(0, 1, 2),
    "argwhere": lambda lib, x, i: lib.argwhere(x),
    "nonzero": lambda lib, x, i: x.nonzero(as_tuple=True), "nonzero of 0": lambda lib, x, i: (x * 0).nonzero(),
}.items())
def test_numbers_have_the_dimension_of_a_vector(torch, name, call):
    _both(torch, lambda lib, F, x, i: call(lib, x, i), np.array(2.5), np.array(0))


@pytest.mark.parametrize("call", [
    lambda lib, F, x, y: lib.fmax(x, y), lambda lib, F, x, y: lib.fmin(x, y), lambda lib, F, x, y: lib.fmax(x, x),
    lambda lib, F, x, y: lib.median(lib.stack([y[:3], y[:3]])), lambda lib, F, x, y: lib.trapezoid(x[:0]),
    lambda lib, F, x, y: lib.linalg.norm(x.reshape(2, 2)[:, :0], 2),
    lambda lib, F, x, y: lib.linalg.norm(x[None, :0], 1),
    lambda lib, F, x, y: lib.bincount(lib.tensor([0, 2]), x[:2].detach().half()),
    lambda lib, F, x, y: F.embedding_bag(lib.tensor([[0, 3, 3], [2, 0, 1]]), x[:, None] * 0 - lib.inf, mode="max"),
    lambda lib, F, x, y: F.embedding_bag(lib.tensor([[0, 1, 1], [1, 1, 0]]), x[:, None] * 0 + 1, mode="max"),
    lambda lib, F, x, y: lib.median(x), lambda lib, F, x, y: lib.median(x[:2] * lib.inf),
    lambda lib, F, x, y: lib.add(x, lib.tensor(3, dtype=lib.uint8), alpha=-1),
    lambda lib, F, x, y: lib.sub(lib.tensor([1]), lib.tensor([100], dtype=lib.int8), alpha=2),
    lambda lib, F, x, y: lib.tensor([True]).scatter_reduce(0, lib.tensor([0]), lib.tensor([False]), "sum"),
    lambda lib, F, x, y: lib.trapezoid(lib.tensor([1, 2]), x[:2].detach().half()),
    lambda lib, F, x, y: lib.ldexp(x.detach().half(), lib.tensor([1, 2, 3, 4])),
    lambda lib, F, x, y: F.binary_cross_entropy_with_logits(x[:2] * lib.inf, y[:2] / 4, reduction="none"),
    lambda lib, F, x, y: lib.atan2(x[:2] * y[:2] - 1, y[:2] * 0), lambda lib, F, x, y: lib.atan2(x[:2] * 0, y[:2] - 1),
    lambda lib, F, x, y: lib.tensor([True, False]).scatter_reduce(0, lib.tensor([1]), lib.tensor([True]), "amax"),
    lambda lib, F, x, y: x.reshape(2, 2)[None, [0, 1, 1], ..., [1, 0, 1]],
    lambda lib, F, x, y: x.reshape(2, 1, 2)[:, None, [0, 0], ..., [1, 0]],
    lambda lib, F, x, y: x.reshape(2, 1, 2)[[0, 1, 0], ..., lib.tensor([1, 0, 0])],
    lambda lib, F, x, y: x.reshape(2, 1, 2)[None, lib.tensor([True, False]), ..., [0]],
    lambda lib, F, x, y: x.reshape(1, 2, 2)[:, lib.tensor([[True, False], [True, True]]), ...],
    lambda lib, F, x, y: lib.clamp(lib.tensor([1, 3, 3]), min=y[:3]),
    lambda lib, F, x, y: lib.tensor([1, 2]).clip(max=y[:2]),
    lambda lib, F, x, y: lib.combinations(x, 0), lambda lib, F, x, y: lib.arange(-0.5, 3.5, dtype=lib.int64),
    lambda lib, F, x, y: lib.arange(3.9, 0.5, -1.2, dtype=lib.int32),
])
def test_the_rarer_calls_are_pytorchs(torch, call):
    _both(torch, call, np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.0, 3.0, 2.0, np.nan]))


def test_a_quotient_without_its_fraction_has_no_slope():
    x, y = Tensor([1.0, -2.0], requires_grad=True), Tensor([0.0, 2.0], requires_grad=True)
    slopes = gradcore.grad(gradcore.div(x, y, rounding_mode="trunc").sum(), [x, y])
    assert [slope.tolist() for slope in slopes] == [[0, 0], [0, 0]]


@pytest.mark.parametrize("name, shape, parts", [("vsplit", (3, 2), 2), ("hsplit", (2, 3), 2), ("dsplit", (1, 1, 3), 2),
                                                ("vsplit", (4,), 2), ("dsplit", (2, 2), 1), ("hsplit", (), 1)])
def test_splits_into_parts_of_one_length(name, shape, parts):
    with pytest.raises(ValueError, match=name):
        getattr(gradcore, name)(gradcore.zeros(shape), parts)


def test_numbers_have_no_transposed_matrix():
    with pytest.raises(ValueError, match="flipud"):
        gradcore.flipud(gradcore.tensor(1.0))
    with pytest.raises(ValueError, match="matrix_transpose"):
        gradcore.ones(3).mT


def test_sums_that_are_rounded_to_float16_are_quiet():
    """A gradient summed over rows, too small for float16, while NumPy raises for underflow."""
    x = Tensor(normal(0, (3, 2)).astype("float16") * 1e-4)
    scale = Tensor(np.ones(2, "float16"), requires_grad=True)
    with np.errstate(all="raise"):
        gradient, = gradcore.grad((functional.softmax(x * scale, -1) * 1e-4).sum(), scale)
    assert gradient.dtype == "float16"
    with np.errstate(all="raise"):
        y = functional.layer_norm(x, (2,), Tensor([1.0, 1.0], dtype="float16", requires_grad=True))
        y.backward(Tensor(np.full((3, 2), 6e-8, "float16")))


def test_lengths_that_are_0_have_no_slope_of_any_order(torch):
    values = np.array([[1.0, 2.0, 0.0], [1.0, 3.0, 0.0], [1.0, -1.0, 0.0]])
    for function in (lambda x: x.std(0), lambda x: x.norm(p=3, dim=0)):
        found = []
        for lib in (gradcore, torch):
            x = lib.tensor(values, requires_grad=True)
            first, = lib.autograd.grad(function(x).sum(), x, create_graph=True)
            second, = lib.autograd.grad((first * first).sum(), x, create_graph=True)
            third, = lib.autograd.grad((second ** 3).sum(), x)
            found.append([np.array(part.tolist()) for part in (first, second, third)])
        for ours, theirs in zip(*found):
            np.testing.assert_allclose(ours, theirs, 1e-12, 1e-12)


def test_the_least_square_of_a_root_mean_square_is_float32s_where_that_is_computed(torch):
    small = (normal(3, (4, 1)) * 1e-3).astype("float16")
    _both(torch, lambda lib, F, x: F.rms_norm(x, (1,)), small)


def test_the_median_of_no_floats_is_no_number(torch):
    _both(torch, lambda lib, F, x: lib.isnan(lib.median(x)), np.zeros((0, 3)))
    with pytest.raises(ValueError, match="median of no elements"):
        gradcore.tensor(np.zeros(0, "int64")).median()


@pytest.mark.parametrize("mode, shape", [
    ("linear", (2, 3, 3)), ("bilinear", (2, 3, 2, 5)), ("trilinear", (1, 1, 3, 2, 7)), ("nearest", (2, 3, 7))])
@pytest.mark.parametrize("factor", [1.2, 1.3, 2.4])
def test_sizes_that_a_factor_leaves_and_places_that_round(torch, mode, shape, factor):
    _both(torch, lambda lib, F, x: F.interpolate(x, scale_factor=factor, mode=mode), normal(0, shape))


def test_extrema_that_are_no_numbers_share_the_gradient(torch):
    for name in ("max", "min"):
        _both(torch, lambda lib, F, x: getattr(lib, name)(x), np.array([[1.0, np.nan], [np.nan, 2.0]]))


def test_products_so_far_may_leave_float32(torch):
    _both(torch, lambda lib, F, x: lib.cumprod(x, 1), np.array([[1e30, 1e30, 1e-30, 1e-30]], "float32"))


def test_truth_values_that_are_added_stay_what_they_are(torch):
    _both(torch, lambda lib, F, x, y: x.index_add(0, lib.tensor([0, 0]), y, alpha=2),
          np.array([False, True]), np.array([True, False]))
