"""Layers over windows and places beside PyTorch's: options drawn at random, values, gradients, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn
from gradcore.backends import Backend
from beside_torch import compare, compare_modules

DRAWS = pytest.mark.parametrize("draw", range(3))
COUNTS = pytest.mark.parametrize("count", [1, 2, 3])


def _both(torch, name: str, *args, **options):
    return getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)


def _array(rng: np.random.Generator, count: int, low: int = 6, high: int = 9) -> np.ndarray:
    return rng.normal(size=((2,) if rng.random() < 0.7 else ()) + (3, *rng.integers(low, high, count)))


@DRAWS
@COUNTS
@pytest.mark.parametrize("kind", ["Max", "Avg"])
def test_adaptive_pools(kind, count, draw, torch, backend: Backend, rng):
    size = [int(rng.integers(1, 6)), tuple(int(n) for n in rng.integers(1, 10, count)), (None,) * (count - 1) + (2,)]
    options = {"return_indices": True} if kind == "Max" and draw else {}
    compare_modules(torch, *_both(torch, f"Adaptive{kind}Pool{count}d", size[draw], **options), [_array(rng, count)],
                    backend.device, rng)


def test_equal_elements_and_nan_of_adaptive_pools(torch, backend: Backend, rng):
    x = rng.integers(0, 2, (1, 2, 5, 7)).astype(float)
    x[0, 0, 2, 3] = np.nan
    compare(torch, lambda x: nn.functional.adaptive_max_pool2d(x, 3, True),
            lambda x: torch.nn.functional.adaptive_max_pool2d(x, 3, True), [x], backend.device, rng)


@DRAWS
@pytest.mark.parametrize("kind", ["Max", "Avg"])
def test_pools_of_volumes(kind, draw, torch, backend: Backend, rng):
    options = {"kernel_size": (2, 3, 2), "stride": int(rng.integers(1, 3)), "padding": (1, 1, 0),
               "ceil_mode": bool(rng.random() < 0.5)}
    options |= {"return_indices": bool(draw)} if kind == "Max" else {"count_include_pad": bool(draw)}
    compare_modules(torch, *_both(torch, f"{kind}Pool3d", **options), [_array(rng, 3, 4, 6)], backend.device, rng)


@DRAWS
@pytest.mark.parametrize("count", [1, 2])
def test_pools_of_norms(count, draw, torch, backend: Backend, rng):
    x = np.abs(_array(rng, count)) + 0.1
    compare_modules(torch, *_both(torch, f"LPPool{count}d", [1, 2, 3][draw], 3, [None, 2, 1][draw], draw == 1), [x],
                    backend.device, rng)


@DRAWS
@COUNTS
def test_unpooling(count, draw, torch, backend: Backend, rng):
    kernel, stride = 2 + draw % 2, 2
    x = _array(rng, count)
    options = {"kernel_size": kernel, "stride": stride, "padding": draw % 2}

    def called(library):
        pool = getattr(library, f"MaxPool{count}d")(return_indices=True, **options)
        back = getattr(library, f"MaxUnpool{count}d")(**options)
        return lambda x: back(*pool(x), x.shape if x.ndim == count + 2 else x.shape[1:])

    compare(torch, called(nn), called(torch.nn), [x], backend.device, rng)
    if not draw:
        y = rng.normal(size=(1, 1, *(2,) * count))
        places = rng.permutation(4 ** count)[:y.size].reshape(y.shape)
        compare(torch, getattr(nn, f"MaxUnpool{count}d")(2), getattr(torch.nn, f"MaxUnpool{count}d")(2), [y, places],
                backend.device, rng)


@DRAWS
def test_windows_as_columns(draw, torch, backend: Backend, rng):
    options = {"kernel_size": (2, 3), "dilation": int(rng.integers(1, 3)), "padding": (1, int(rng.integers(0, 3))),
               "stride": int(rng.integers(1, 3))}
    x = _array(rng, 2, 6, 8)
    ours, theirs = _both(torch, "Unfold", **options)
    compare_modules(torch, ours, theirs, [x], backend.device, rng)
    columns = rng.normal(size=tuple(ours(Tensor(x, device=backend.device)).shape))
    compare_modules(torch, *_both(torch, "Fold", x.shape[-2:], **options), [columns], backend.device, rng)


def test_second_derivatives_of_columns_and_parts(backend: Backend, rng):
    x = Tensor(rng.normal(size=(1, 2, 4, 3)), requires_grad=True, device=backend.device)

    def cubes(x):
        y = nn.functional.fold(nn.functional.unfold(x, 2, padding=1), (4, 3), 2, padding=1)
        z = nn.functional.adaptive_max_pool2d(x, 2)
        slope, = gradcore.grad((y * y * y).sum() + (z * z * z).sum(), (x,), create_graph=True)
        return (slope * slope).sum()

    assert gradcore.gradcheck(cubes, (x,), atol=1e-2)  # some slopes are above 1e5, and differences round with them


@DRAWS
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(mode, draw, torch, backend: Backend, rng):
    options = {"mode": mode, "padding_idx": [None, 2, -1][draw], "include_last_offset": draw == 1,
               "max_norm": [None, None, 1.5][draw]}
    ours, theirs = _both(torch, "EmbeddingBag", 7, 3, **options)
    index, starts = rng.integers(0, 7, 9), np.array([0, 4, 4, 7] + [9] * (draw == 1))
    compare_modules(torch, ours, theirs, [index, starts], backend.device, rng)
    if draw != 1:
        ours.zero_grad()
        theirs.zero_grad()
        compare_modules(torch, ours.to("cpu"), theirs, [index.reshape(3, 3)], backend.device, rng)
    if mode == "sum":
        weights = rng.normal(size=9)
        ours.zero_grad()
        theirs.zero_grad()
        compare_modules(torch, ours.to("cpu"), theirs, [index, starts, weights], backend.device, rng)


@DRAWS
def test_local_response(draw, torch, backend: Backend, rng):
    options = {"size": int(rng.integers(1, 6)), "alpha": float(rng.uniform(0.1, 1)), "beta": float(rng.uniform(0.3, 1)),
               "k": float(rng.uniform(0.5, 2))}
    compare_modules(torch, *_both(torch, "LocalResponseNorm", **options),
                    [rng.normal(size=(2, 6, *rng.integers(2, 4, 1 + draw)))], backend.device, rng)


@pytest.mark.parametrize("name, args, shape", [
    ("ChannelShuffle", (3,), (2, 6, 2, 2)), ("UpsamplingNearest2d", (None, 2), (1, 2, 3, 2)),
    ("UpsamplingBilinear2d", ((5, 4),), (1, 2, 3, 2)), ("CircularPad1d", (2,), (2, 3, 4)),
    ("CircularPad2d", ((1, 2, 0, 1),), (1, 2, 3, 4)), ("CircularPad3d", (1,), (1, 2, 3, 2, 2)),
    ("ConstantPad3d", ((1, 0, 2, 1, 0, 1), 0.5), (1, 2, 3, 2, 2)), ("ReflectionPad3d", (1,), (1, 2, 3, 2, 2)),
    ("ReplicationPad3d", (2,), (1, 2, 3, 2, 2)), ("ZeroPad3d", (1,), (1, 2, 3, 2, 2)),
    ("InstanceNorm3d", (3, 1e-5, 0.1, True), (2, 3, 2, 2, 3))])
def test_layers_of_several_kinds(name, args, shape, torch, backend: Backend, rng):
    compare_modules(torch, *_both(torch, name, *args), [rng.normal(size=shape)], backend.device, rng)


def test_dropout_of_volumes(backend: Backend):
    y = nn.Dropout3d(0.25)(Tensor.ones(20, 30, 2, 3, 2, device=backend.device)).numpy()
    assert (y == y[:, :, :1, :1, :1]).all() and 0.15 < (y == 0).mean() < 0.35


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
def test_softmax_without_a_dimension(name, ndim, torch, backend: Backend, rng):
    function = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Softmin": "softmin"}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ours, theirs in (_both(torch, name), [getattr(library, function) for library in
                                                  (nn.functional, torch.nn.functional)]):
            compare(torch, ours, theirs, [rng.normal(size=(2, 3, 4, 5)[:ndim])], backend.device, rng)
    if ndim > 2:
        with pytest.warns(UserWarning, match=f"{name}: name the dimension"):
            getattr(nn, name)()(Tensor.ones(2, 3, 4, 5)[(0,) * (4 - ndim)])


@pytest.mark.parametrize("make, words", [
    (lambda: nn.AdaptiveMaxPool2d((1, 0)), "AdaptiveMaxPool2d: `output_size` must be an integer of at least 1, or 2"),
    (lambda: nn.AdaptiveMaxPool1d((1, 2)), "AdaptiveMaxPool1d: `output_size` must be"),
    (lambda: nn.MaxUnpool2d(0), "MaxUnpool2d: `kernel_size` must be"),
    (lambda: nn.LPPool1d(0, 2), "LPPool1d: `norm_type` must be above 0"),
    (lambda: nn.Unfold(2, stride=0), "Unfold: `stride` must be"),
    (lambda: nn.Fold((2, 0), 2), "Fold: `output_size` must be"),
    (lambda: nn.EmbeddingBag(3, 2, mode="min"), "EmbeddingBag: `mode` must be one of sum, mean, max"),
    (lambda: nn.EmbeddingBag(3, 2)([0, 1]), "EmbeddingBag: the input must have shape"),
    (lambda: nn.EmbeddingBag(3, 2)([0, 1], [1]), "EmbeddingBag: `offsets` must begin with 0 and rise to 2"),
    (lambda: nn.EmbeddingBag(3, 2)([[0, 1]], None, Tensor.ones(1, 2)), "EmbeddingBag: `per_sample_weights` are for"),
    (lambda: nn.LocalResponseNorm(0), "LocalResponseNorm: `size` must be at least 1"),
    (lambda: nn.ChannelShuffle(0), "ChannelShuffle: `groups` must be"),
    (lambda: nn.CircularPad3d((1, 2)), "CircularPad3d: `padding` must be an integer, or 6"),
    (lambda: nn.Fold((4, 4), 2)(Tensor.ones(1, 8, 8)), r"Fold: the input must hold floats in shape \(N, C · 4, 9\)"),
    (lambda: nn.Unfold(5)(Tensor.ones(1, 8, 4, 8)), "Unfold: the input is smaller than the window"),
    (lambda: nn.MaxUnpool1d(2)(Tensor.ones(1, 1, 2), Tensor.zeros(1, 1, 2)), "MaxUnpool1d: the indices must be int"),
    (lambda: nn.MaxUnpool1d(2)(Tensor.ones(1, 1, 1), Tensor.zeros(1, 1, 1).long(), (4,)),
     r"MaxUnpool1d: `output_size` must be \(2,\) or less than a stride more or less; got \(4,\)"),
    (lambda: nn.LocalResponseNorm(2)(Tensor.ones(2, 3)), "LocalResponseNorm: the input must have the shape"),
    (lambda: nn.ChannelShuffle(2)(Tensor.ones(2, 3, 1)), "ChannelShuffle: the input must have the shape"),
    (lambda: nn.Dropout3d()(Tensor.ones(2, 3)), "Dropout3d: the input must have 4 or 5 dimensions"),
    (lambda: nn.AdaptiveMaxPool2d(2)(Tensor.ones(2, 3)), "AdaptiveMaxPool2d: the input must have the shape")])
def test_what_means_nothing_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_places_that_do_not_exist_are_refused():
    with pytest.raises(IndexError, match="MaxUnpool1d: the index must hold positions from 0 to 1"):
        nn.MaxUnpool1d(2)(Tensor.ones(1, 1, 1), Tensor([[[2]]], dtype=int))
