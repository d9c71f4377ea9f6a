"""Layers beside PyTorch's: values and gradients with options drawn at random; bad options and shapes."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn
from gradcore.backends import Backend
from gradcore.backends.windows import Windows
from gradcore.operations.columns import in_rows, spread
from beside_torch import compare, compare_modules

DRAWS = pytest.mark.parametrize("draw", range(3))


def _some(rng: np.random.Generator, count: int, low: int, high: int):
    """A number, or one for each dimension."""
    values = [int(value) for value in rng.integers(low, high + 1, count)]
    return values[0] if count == 1 or rng.random() < 0.5 else tuple(values)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@DRAWS
@pytest.mark.parametrize("count", [1, 2, 3])
def test_convolutions(count, draw, torch, backend: Backend, rng):
    groups = int(rng.choice([1, 2]))
    padding = rng.choice(["same", "valid", "numbers"])
    options = {"kernel_size": _some(rng, count, 1, 3), "dilation": _some(rng, count, 1, 2), "groups": groups,
               "bias": bool(rng.random() < 0.7), "padding": str(padding)}
    if padding == "numbers":
        options |= {"padding": _some(rng, count, 0, 2), "stride": _some(rng, count, 1, 3)}
    if count < 3:
        options["padding_mode"] = str(rng.choice(["zeros", "reflect", "replicate", "circular"]))
    sizes = tuple(int(n) for n in rng.integers(6, 9, count))
    x = rng.normal(size=((2,) if rng.random() < 0.8 else ()) + (2 * groups, *sizes))
    args = 2 * groups, 4
    compare_modules(torch, getattr(nn, f"Conv{count}d")(*args, **options),
                    getattr(torch.nn, f"Conv{count}d")(*args, **options), [x], backend.device, rng)


@DRAWS
@pytest.mark.parametrize("count", [1, 2])
def test_transposed_convolutions(count, draw, torch, backend: Backend, rng):
    groups, stride = int(rng.choice([1, 2])), int(rng.integers(2, 4))
    options = {"kernel_size": _some(rng, count, 2, 3), "stride": stride, "padding": int(rng.integers(0, 2)),
               "output_padding": int(rng.integers(0, stride)), "groups": groups, "dilation": int(rng.integers(1, 3)),
               "bias": bool(rng.random() < 0.7)}
    x = rng.normal(size=(2, 2 * groups, *rng.integers(3, 6, count)))
    args = 2 * groups, 4
    compare_modules(torch, getattr(nn, f"ConvTranspose{count}d")(*args, **options),
                    getattr(torch.nn, f"ConvTranspose{count}d")(*args, **options), [x], backend.device, rng)


def test_a_transposed_convolution_of_a_wanted_size(torch, backend: Backend, rng):
    options = (3, 2, 3), {"stride": 2, "padding": 1}
    ours, theirs = nn.ConvTranspose2d(*options[0], **options[1]), torch.nn.ConvTranspose2d(*options[0], **options[1])
    ours.double().load_state_dict(theirs.double().state_dict())
    ours.to(backend.device)
    compare(torch, lambda x: ours(x, output_size=(8, 7)), lambda x: theirs(x, output_size=(8, 7)),
            [rng.normal(size=(2, 3, 4, 4))], backend.device, rng)
    with pytest.raises(ValueError, match=r"ConvTranspose2d: `output_size` must be \[7, 7\] or less than a stride more"):
        ours(Tensor.zeros(2, 3, 4, 4), output_size=(9, 7))


@pytest.mark.parametrize("windows", [
    Windows((9,), (3,), (1,), (2,), (1,), (0,)), Windows((9, 8), (3, 2), (1, 1), (1, 2), (1, 0), (2, 1)),
    Windows((5, 7, 6), (2, 3, 2), (1, 1, 1), (2, 1, 1), (1, 0, 1), (0, 2, 1))], ids=["1d", "2d", "3d"])
def test_numbers_in_rows_are_spread_as_those_of_windows(windows, backend: Backend, rng):
    y, w = rng.normal(size=(2, 3, *windows.positions)), rng.normal(size=(4 * math.prod(windows.kernel), 3))
    sums = []
    for is_in_rows in (False, True):
        numbers = in_rows(backend, backend.asarray(y), windows) if is_in_rows else backend.asarray(y)
        columns = backend.matmul(backend.asarray(w), backend.xp.reshape(numbers, (2, 3, -1)))
        columns = backend.xp.reshape(columns, (2, 4, math.prod(windows.kernel), -1))
        sums.append(backend.to_numpy(spread(backend, columns, windows, is_in_rows)))
    assert windows.is_dense and sums[0].shape == (2, 4, *windows.sizes)
    np.testing.assert_allclose(sums[1], sums[0], 1e-12, 1e-14)


def test_second_derivatives_of_a_convolution(backend: Backend, rng):
    x, w = [Tensor(0.3 * rng.normal(size=shape), requires_grad=True, device=backend.device)
            for shape in ((2, 2, 5, 4), (2, 1, 3, 2))]

    def penalty(x, w):
        y = nn.functional.conv2d(x, w, stride=2, padding=1, groups=2)
        slopes = gradcore.grad((y * y * y).sum(), (x, w), create_graph=True)
        return sum((slope * slope).sum() for slope in slopes)

    assert gradcore.gradcheck(penalty, (x, w))


@DRAWS
@pytest.mark.parametrize("kind", ["Max", "Avg"])
@pytest.mark.parametrize("count", [1, 2])
def test_pools(count, kind, draw, torch, backend: Backend, rng):
    kernel = int(rng.integers(2, 5))
    options = {"kernel_size": kernel, "stride": int(rng.integers(1, 4)), "ceil_mode": bool(rng.random() < 0.5),
               "padding": int(rng.integers(0, kernel // 2 + 1))}
    options |= {"dilation": int(rng.integers(1, 3))} if kind == "Max" \
        else {"count_include_pad": bool(rng.random() < 0.5)}
    x = rng.normal(size=((2,) if rng.random() < 0.7 else ()) + (3, *rng.integers(8, 12, count)))
    name = f"{kind}Pool{count}d"
    compare_modules(torch, getattr(nn, name)(**options), getattr(torch.nn, name)(**options), [x], backend.device, rng)


def test_places_of_the_largest(torch, backend: Backend, rng):
    options = {"kernel_size": (3, 2), "stride": 2, "padding": 1, "dilation": (1, 2), "return_indices": True}
    compare_modules(torch, nn.MaxPool2d(**options), torch.nn.MaxPool2d(**options), [rng.normal(size=(2, 3, 8, 7))],
                    backend.device, rng)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1.0])
def test_the_largest_of_equal_ones_and_of_nan(value, torch, backend: Backend, rng):
    x = np.full((1, 1, 4, 4), value)
    x[0, 0, 1, 1] = 0.5
    ours = Tensor(x, requires_grad=True, device=backend.device)
    theirs = torch.tensor(x, requires_grad=True)
    for pool, tensor in ((nn.functional.max_pool2d, ours), (torch.nn.functional.max_pool2d, theirs)):
        pool(tensor, 3, 1).sum().backward()
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("size", [1, 3, (2, None), (4, 3)])
def test_adaptive_pools(size, torch, backend: Backend, rng):
    compare_modules(torch, nn.AdaptiveAvgPool2d(size), torch.nn.AdaptiveAvgPool2d(size),
                    [rng.normal(size=(2, 3, 7, 5))], backend.device, rng)
    if isinstance(size, int):
        compare_modules(torch, nn.AdaptiveAvgPool1d(size), torch.nn.AdaptiveAvgPool1d(size),
                        [rng.normal(size=(3, 7))], backend.device, rng)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name, shape, options", [
    ("BatchNorm1d", (5, 3), {}), ("BatchNorm1d", (5, 3, 4), {"momentum": None}),
    ("BatchNorm1d", (5, 3), {"affine": False}),
    ("BatchNorm2d", (2, 3, 4, 5), {"eps": 1e-3, "momentum": 0.3}), ("BatchNorm2d", (2, 3, 4, 5), {"bias": False}),
    ("BatchNorm2d", (2, 3, 4, 5), {"track_running_stats": False}), ("BatchNorm3d", (2, 3, 2, 2, 3), {}),
    ("InstanceNorm1d", (2, 3, 6), {}), ("InstanceNorm2d", (2, 3, 4, 5), {"affine": True, "track_running_stats": True}),
    ("InstanceNorm2d", (3, 4, 5), {"affine": True})])
def test_normalisations_over_batches(name, shape, options, training, torch, backend: Backend, rng):
    if not options.keys() <= inspect.signature(getattr(torch.nn, name)).parameters.keys():
        pytest.skip(f"the {name} of PyTorch {torch.__version__} has no {', '.join(options)}")
    ours, theirs = getattr(nn, name)(3, **options), getattr(torch.nn, name)(3, **options)
    if training:
        compare_modules(torch, ours, theirs, [rng.normal(size=shape)], backend.device, rng)
        ours.to("cpu")
    compare_modules(torch, ours.train(training), theirs.train(training), [rng.normal(size=shape)], backend.device, rng)


@pytest.mark.parametrize("name, args, shape", [
    ("GroupNorm", (2, 6), (2, 6, 3, 4)), ("GroupNorm", (3, 6, 1e-3, False), (2, 6)),
    ("LayerNorm", ((3, 4),), (2, 3, 4)),
    ("LayerNorm", (4, 1e-3, True, False), (5, 4)), ("LayerNorm", (4, 1e-5, False), (5, 4)), ("RMSNorm", (4,), (5, 4)),
    ("RMSNorm", ((3, 4), 1e-3, False), (2, 3, 4))])
def test_other_normalisations(name, args, shape, torch, backend: Backend, rng):
    compare_modules(torch, getattr(nn, name)(*args), getattr(torch.nn, name)(*args), [rng.normal(size=shape)],
                    backend.device, rng)


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embeddings(padding_idx, torch, backend: Backend, rng):
    ours, theirs = nn.Embedding(7, 3, padding_idx), torch.nn.Embedding(7, 3, padding_idx)
    compare_modules(torch, ours, theirs, [rng.integers(0, 7, (4, 5))], backend.device, rng)
    if padding_idx is not None:
        assert not nn.Embedding(7, 3, padding_idx).weight[padding_idx].any()
    pretrained = nn.Embedding.from_pretrained(Tensor([[1.0, 2.0]]))
    assert not pretrained.weight.requires_grad and pretrained(Tensor([0], dtype=int)).tolist() == [[1.0, 2.0]]


@DRAWS
def test_embeddings_with_bounded_rows_and_shared_gradients(draw, torch, backend: Backend, rng):
    options = {"padding_idx": [None, 3][draw % 2], "max_norm": float(rng.uniform(0.3, 1.5)),
               "norm_type": float(rng.choice([1, 2, 3])), "scale_grad_by_freq": bool(draw)}
    compare_modules(torch, nn.Embedding(7, 3, **options), torch.nn.Embedding(7, 3, **options),
                    [rng.integers(0, 7, (4, 5))], backend.device, rng)
    layer = nn.Embedding.from_pretrained(Tensor([[3.0, 4.0], [0.3, 0.4]]), max_norm=1.0)
    assert layer(Tensor(1, dtype=int)).tolist() == pytest.approx([0.3, 0.4])
    assert layer(Tensor(0, dtype=int)).tolist() == pytest.approx([0.6, 0.8])
    assert repr(layer) == "Embedding(2, 2, max_norm=1.0)" and layer.weight.norm(dim=1).tolist() == pytest.approx(
        [1, 0.5])


def test_layers_of_matrices(torch, backend: Backend, rng):
    compare_modules(torch, nn.Bilinear(3, 4, 5), torch.nn.Bilinear(3, 4, 5),
                    [rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 6, 4))], backend.device, rng)
    compare_modules(torch, nn.Linear(3, 4, bias=False), torch.nn.Linear(3, 4, bias=False), [rng.normal(size=(2, 3))],
                    backend.device, rng)


@pytest.mark.parametrize("name, args, shape", [
    ("Identity", (1, 2), (2, 3)), ("Unflatten", (1, (2, -1)), (3, 6)), ("Flatten", (0, 1), (2, 3, 4)),
    ("PixelShuffle", (2,), (2, 8, 3, 2)), ("PixelUnshuffle", (2,), (2, 2, 4, 6)),
    ("ZeroPad2d", ((1, 2, 0, 3),), (2, 3, 4)),
    ("ZeroPad2d", (-1,), (1, 2, 3, 4)), ("ConstantPad1d", (2, 0.5), (2, 3)), ("ReflectionPad2d", (2,), (1, 2, 4, 5)),
    ("ReplicationPad1d", ((2, 1),), (1, 2, 4)), ("GLU", (1,), (2, 4, 3)), ("Softmin", (1,), (2, 3)),
    ("Softmax2d", (), (2, 3, 2, 2)), ("CosineSimilarity", (), None), ("PairwiseDistance", (3.0,), None)])
def test_layers_without_parameters(name, args, shape, torch, backend: Backend, rng):
    arrays = [rng.normal(size=shape)] if shape else [rng.normal(size=(4, 5)) for _ in range(2)]
    compare_modules(torch, getattr(nn, name)(*args), getattr(torch.nn, name)(*args), arrays, backend.device, rng)


@pytest.mark.parametrize("options", [
    {"scale_factor": 2}, {"size": (7, 3)}, {"scale_factor": (1.7, 0.6)}, {"scale_factor": 1.5, "mode": "nearest-exact"},
    {"scale_factor": 1.7, "mode": "bilinear"}, {"size": (7, 3), "mode": "bilinear", "align_corners": True},
    {"scale_factor": 0.6, "mode": "bicubic"}, {"size": (9, 4), "mode": "bicubic", "align_corners": True},
    {"size": (3, 4), "mode": "area"}, {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}])
def test_interpolation(options, torch, backend: Backend, rng):
    compare_modules(torch, nn.Upsample(**options), torch.nn.Upsample(**options), [rng.normal(size=(2, 3, 5, 6))],
                    backend.device, rng, tolerance=1e-6)  # PyTorch's scales are rounded


def test_dropout_of_channels(backend: Backend):
    x = Tensor.ones(20, 30, 2, 3, device=backend.device)
    y = nn.Dropout2d(0.25)(x).numpy()
    assert set(np.round(y, 5).ravel()) == {0.0, np.float32(1.33333)}
    assert (y == y[:, :, :1, :1]).all() and 0.15 < (y == 0).mean() < 0.35
    z = nn.AlphaDropout(0.3)(Tensor(np.random.default_rng(0).normal(size=(300, 300)), device=backend.device)).numpy()
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
    np.testing.assert_array_equal(nn.Dropout2d(0.5).eval()(x).numpy(), x.numpy())
    with pytest.raises(ValueError, match="Dropout2d: the input must have 3 or 4 dimensions"):
        nn.Dropout2d()(Tensor.ones(2, 3))


# -- containers -------------------------------------------------------------------------------------------------------

def test_sequential_with_names_and_slices():
    parts = OrderedDict([("first", nn.Linear(2, 3)), ("act", nn.ReLU()), ("last", nn.Linear(3, 1))])
    model = nn.Sequential(parts)
    assert [name for name, _ in model.named_children()] == list(parts) and model.last is parts["last"]
    assert list(model[:2]._modules) == ["first", "act"] and model[-1] is parts["last"] and len(model) == 3
    model[1] = nn.Tanh()
    assert isinstance(model.act, nn.Tanh)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model.insert(1, nn.Tanh()).append(nn.Linear(2, 1))
    assert [type(module).__name__ for module in model] == ["Linear", "Tanh", "ReLU", "Linear"]
    del model[1]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert isinstance(model.pop(), nn.Linear) and len(model + nn.Sequential(nn.ReLU())) == 3
    with pytest.raises(IndexError, match="Sequential has 2 part"):
        model[2]
    with pytest.raises(TypeError, match="Sequential holds modules; got 3"):
        nn.Sequential(nn.ReLU(), 3)


def test_lists_and_dictionaries_of_modules_and_parameters():
    modules = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    modules += [nn.ReLU()]
    assert len(modules[1:]) == 3 and modules[1] in modules and len(list(modules.parameters())) == 6
    assert repr(modules).splitlines()[1] == "  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)"
    named = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    assert "a" in named and list(named.keys()) == ["a", "b"] and isinstance(named.pop("a"), nn.ReLU) and len(named) == 1
    parameters = nn.ParameterList([Tensor([1.0]), nn.Parameter([2.0, 3.0])])
    assert [name for name, _ in parameters.named_parameters()] == ["0", "1"] and parameters[1].tolist() == [2, 3]
    weights = nn.ParameterDict({"w": Tensor([1.0])})
    weights["v"] = nn.Parameter([2.0])
    assert sorted(weights.state_dict()) == ["v", "w"] and "w" in weights
    for module in (modules, named, parameters, weights):
        for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert list(other.state_dict()) == list(module.state_dict())
    for wrong in (lambda: modules.append(3), lambda: named.update({"c": 3}), lambda: parameters.append("x")):
        with pytest.raises(TypeError):
            wrong()


# -- what is refused --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, words", [
    (lambda: nn.Conv2d(3, 4, 0), "Conv2d: `kernel_size` must be an integer of at least 1"),
    (lambda: nn.Conv2d(3, 4, (1, 2, 3)), "Conv2d: `kernel_size` must be .* got \\(1, 2, 3\\)"),
    (lambda: nn.Conv2d(3, 4, 1, groups=2), "Conv2d: `groups` must divide the 3 input and 4 output channels; got 2"),
    (lambda: nn.Conv2d(3, 4, 1, padding="full"), 'Conv2d: `padding` must be .*"same" or "valid"; got \'full\''),
    (lambda: nn.Conv2d(3, 4, 1, stride=2, padding="same"), 'Conv2d: padding "same" needs stride 1'),
    (lambda: nn.Conv2d(3, 4, 1, padding_mode="mirror"), "Conv2d: `padding_mode` must be one of"),
    (lambda: nn.Conv2d(-3, 4, 1), "Conv2d: `in_channels` must be an integer of at least 0; got -3"),
    (lambda: nn.MaxPool2d(2, padding=2), "MaxPool2d: `padding` must be at most half"),
    (lambda: nn.AvgPool2d(2, stride=0), "AvgPool2d: `stride` must be"),
    (lambda: nn.GroupNorm(4, 6), "GroupNorm: `num_channels` must be a multiple of `num_groups`; got 6 and 4"),
    (lambda: nn.LayerNorm("3"), "LayerNorm: `normalized_shape`"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), "Embedding: `padding_idx` must be an index of one of the 3 rows"),
    (lambda: nn.Embedding(3, 2, max_norm=-1), "Embedding: `max_norm` must be at least 0"),
    (lambda: nn.Dropout(2), "Dropout: `p` must be between 0 and 1"),
    (lambda: nn.Unflatten(0, (-1, -1)), "Unflatten: `unflattened_size`"),
    (lambda: nn.Upsample(), "Upsample: it takes `size` or `scale_factor`"),
    (lambda: nn.PixelShuffle(0), "PixelShuffle: `upscale_factor`"),
    (lambda: nn.LSTM(3, 0), "LSTM: `hidden_size` and `num_layers` must be at least 1"),
    (lambda: nn.RNN(3, 2, nonlinearity="sin"), 'RNN: `nonlinearity` must be "tanh" or "relu"'),
    (lambda: nn.MultiheadAttention(5, 2), "MultiheadAttention: `embed_dim` must be a multiple of `num_heads`"),
    (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), "TransformerEncoderLayer: `activation` must be"),
    (lambda: nn.Linear(2.5, 3), "Linear: `in_features` must be an integer"),
    (lambda: nn.ZeroPad2d((1, 2)), "ZeroPad2d: `padding` must be an integer, or 4")])
def test_options_that_mean_nothing_are_refused_in_words(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


@pytest.mark.parametrize("module, shape, words", [
    (nn.Conv2d(3, 4, 3), (2, 2, 5, 5), "Conv2d: the input must have 3 channel"),
    (nn.Conv2d(3, 4, 3), (2, 3, 5), "Conv2d: the input must have 3 channel"),
    (nn.Conv2d(3, 4, 3), (3, 5), "Conv2d: the input must have the shape \\(N, C, H, W\\) or"),
    (nn.Conv2d(3, 4, 3), (1, 3, 2, 5), "Conv2d: the input is smaller than the window"),
    (nn.MaxPool2d(3), (1, 3, 2, 5), "MaxPool2d: the input is smaller than the window"),
    (nn.BatchNorm1d(3), (1, 3), "BatchNorm1d: in training each channel needs more than one element"),
    (nn.BatchNorm2d(3), (2, 4, 2, 2), "BatchNorm2d: the input must have 4 dimensions and 3 channel"),
    (nn.LayerNorm(3), (2, 4), "LayerNorm: `normalized_shape` must be the last dimensions"),
    (nn.GRU(3, 2), (5, 2, 4), "GRU: the input must have shape \\(L, N, 3\\) or \\(L, 3\\); got \\(5, 2, 4\\)"),
    (nn.LSTMCell(3, 2), (5, 4), "LSTMCell: the input must have shape"),
    (nn.PixelShuffle(2), (3, 2, 2), "PixelShuffle: the channels"),
    (nn.GLU(), (3,), "GLU: dimension -1 of the input must have an even length")])
def test_inputs_that_do_not_fit_are_refused_in_words(module, shape, words):
    before = {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}
    with pytest.raises(ValueError, match=words):
        module(Tensor.ones(*shape))
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])


def test_numbers_of_rows_that_do_not_exist_are_refused():
    with pytest.raises(IndexError, match="Embedding: the input must hold indices from 0 to 4; got 0 to 5"):
        nn.Embedding(5, 2)(Tensor([0, 5], dtype=int))
    with pytest.raises(TypeError, match="Embedding: it takes integers"):
        nn.Embedding(5, 2)(Tensor([0.0]))
    with pytest.raises(NotImplementedError, match="Embedding: `sparse` is not supported"):
        nn.Embedding(5, 2, sparse=True)
