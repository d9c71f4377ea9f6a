"""The activations: accuracy, limits and kinks, on every device."""

from __future__ import annotations

import numpy as np
import pytest

from activation_cases import CASES, PIECEWISE_STRAIGHT, Case, points
from gradcore import Tensor, functions, gradcheck
from gradcore.backends import Backend, get_backend
from gradcore.backends.formulas.derivative import derived_slopes, gradient

EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
# In float64: its softplus is x itself from 20 on, and it keeps these constants in float32.
_PYTORCH_IS_OFF_BY = {"softplus": 5e-9, "hardsigmoid": 1e-7}
ULPS, ABSOLUTE = 4, 3e-7  # what float32 is held to


def value_and_slope(function, x: np.ndarray, upstream=None, device="cpu") -> tuple[np.ndarray, np.ndarray]:
    """f(x), and the gradient that arrives at x for an upstream gradient (ones if it is None)."""
    leaf = Tensor(x, requires_grad=True, device=device)
    y = function(leaf)
    y.backward(np.ones_like(x) if upstream is None else upstream)
    return y.numpy(), leaf.grad.numpy()


def in_units_of_the_last_place(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far float32 numbers are from float64 ones, in distances between float32 numbers."""
    with np.errstate(all="ignore"):
        rounded = expected.astype(np.float32)
        distance = np.abs(actual - expected) / np.spacing(np.abs(rounded))
    return np.where(actual == rounded, 0.0, distance)


@EVERY_CASE
def test_float32_is_accurate_to_the_last_places(case: Case, backend: Backend, rng):
    x = points(rng, "float32", 500 if backend.device.type == "strict" else 20000)
    value, slope = value_and_slope(case, x, device=backend.device)
    assert value.dtype == slope.dtype == np.float32
    assert not np.isnan(value).any() and not np.isnan(slope).any()
    with np.errstate(all="ignore"):
        wanted, wanted_slope = case.value(x.astype(np.float64)), case.slope(x.astype(np.float64))
    off = np.where(np.abs(wanted) > 1e-30, in_units_of_the_last_place(value, wanted), 0)
    assert off.max() <= ULPS, f"{case.name}({x[off.argmax()]!r}) is off by {off.max():.2f} ulp"
    assert np.abs(value[np.abs(wanted) <= 1e-30]).max(initial=0) <= 2e-30
    off = np.where(np.abs(slope - wanted_slope) > ABSOLUTE, in_units_of_the_last_place(slope, wanted_slope), 0)
    assert off.max() <= ULPS, f"the slope of {case.name} at {x[off.argmax()]!r} is off by {off.max():.2f} ulp"


@EVERY_CASE
def test_float64_is_accurate(case: Case, backend: Backend, rng):
    x = points(rng, "float64", 500)
    value, slope = value_and_slope(case, x, device=backend.device)
    assert value.dtype == slope.dtype == np.float64
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(value, case.value(x), rtol=2e-13, atol=1e-300)
        np.testing.assert_allclose(slope, case.slope(x), rtol=2e-13, atol=1e-15)


@EVERY_CASE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_pytorch(case: Case, dtype: str, rng):
    torch = pytest.importorskip("torch")
    x = np.concatenate([np.array(case.kinks, dtype), points(rng, dtype)])
    upstream = rng.normal(size=x.shape).astype(dtype)
    value, slope = value_and_slope(case, x, upstream)
    theirs = torch.tensor(x, requires_grad=True)
    their_value = case.in_pytorch(torch.nn.functional)(theirs)
    their_value.backward(torch.tensor(upstream))
    rtol, atol = (5e-6, 2e-6) if dtype == "float32" else (1e-9, _PYTORCH_IS_OFF_BY.get(case.name, 1e-14))
    # PyTorch's hardswish overflows in between.
    finite = np.isfinite(their_value.detach().numpy())
    np.testing.assert_allclose(value[finite], their_value.detach().numpy()[finite], rtol, atol)
    np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol, atol)


@EVERY_CASE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits(case: Case, dtype: str, backend: Backend):
    value, slope = value_and_slope(case, np.array([-np.inf, np.inf], dtype), device=backend.device)
    np.testing.assert_allclose([*value, *slope], case.limits, rtol=1e-6)


@EVERY_CASE
def test_slope_at_zero(case: Case, backend: Backend):
    _, slope = value_and_slope(case, np.array([0.0, -0.0], "float32"), device=backend.device)
    np.testing.assert_allclose(slope, case.at_zero, rtol=1e-6)


@EVERY_CASE
def test_nan_in_gives_nan_out(case: Case, backend: Backend):
    value, _ = value_and_slope(case, np.array([np.nan, 1.0], "float32"), device=backend.device)
    assert np.isnan(value[0]) and not np.isnan(value[1])


@EVERY_CASE
def test_no_gradient_comes_of_none(case: Case, rng):
    x = np.concatenate([np.array([np.inf, -np.inf], "float32"), points(rng, "float32", 100)])
    _, slope = value_and_slope(case, x, np.zeros_like(x))
    assert not slope.any()


@pytest.mark.parametrize("name", PIECEWISE_STRAIGHT)
def test_a_flat_piece_stops_an_infinite_gradient(name: str, rng):
    x = np.array([-10.0, -2.0, 0.0, 2.0, 10.0], "float32")
    _, slope = value_and_slope(getattr(functions, name), x, np.full_like(x, np.inf))
    assert not np.isnan(slope).any()


# -- inputs of every kind -------------------------------------------------------------------------------------------

def _layouts(rng) -> dict[str, np.ndarray]:
    wide = rng.normal(size=(12, 14)).astype("float32")
    return {"transposed": wide.T, "strided": wide[::2, ::-3], "empty": wide[:0], "zero-dimensional": wide[3, 4, ...],
            "expanded": np.broadcast_to(wide[:, None], (12, 3, 14))}


@EVERY_CASE
def test_any_layout_and_inputs_stay_as_they_are(case: Case, backend: Backend, rng):
    for name, x in _layouts(rng).items():
        before = x.copy()
        leaf = Tensor(backend.asarray(x), requires_grad=True)
        y = case(leaf)
        y.backward(np.ones(x.shape, "float32"))
        value, slope = value_and_slope(case, before.ravel(), device=backend.device)
        assert y.shape == leaf.grad.shape == x.shape, name
        # Native loops take contiguous arrays only, and round otherwise than NumPy.
        np.testing.assert_allclose(y.numpy().ravel(), value, 1e-6, 1e-7, err_msg=name)
        np.testing.assert_allclose(leaf.grad.numpy().ravel(), slope, 1e-6, 3e-7, err_msg=name)
        np.testing.assert_array_equal(leaf.numpy(), before, name)
        np.testing.assert_array_equal(x, before, name)


@EVERY_CASE
def test_float16_stays_float16(case: Case, rng):
    x = points(rng, "float16", 500)
    value, slope = value_and_slope(case, x)
    value32, slope32 = value_and_slope(case, x.astype("float32"))
    assert value.dtype == slope.dtype == np.float16
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(value, value32.astype("float16"), rtol=1e-3, atol=6e-8)
        # What is saved of the output is rounded to float16.
        np.testing.assert_allclose(slope, slope32.astype("float16"), rtol=2e-3, atol=2e-3)


@EVERY_CASE
def test_integers_become_float32_where_the_result_is_no_integer(case: Case, backend: Backend):
    integers = np.arange(-8, 9)
    y = case(Tensor(integers, device=backend.device))
    assert y.dtype in (np.int64, np.float32)
    np.testing.assert_allclose(y.numpy(), case.value(integers.astype("float64")), rtol=1e-6, atol=1e-7)


@EVERY_CASE
def test_numpy_arrays_and_numbers_are_taken_too(case: Case):
    np.testing.assert_array_equal(case(np.float64([1.5])).numpy(), case(Tensor(np.float64([1.5]))).numpy())
    assert case(1.5).shape == ()


# -- constants and learned slopes -------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, constant, values", [
    ("leaky_relu", "negative_slope", [0.0, -0.5, 0.2, 1.0, 3.0]), ("elu", "alpha", [0.0, -0.7, 0.3, 2.5]),
    ("celu", "alpha", [-0.7, 0.3, 2.5]), ("softplus", "beta", [0.5, 10.0]), ("threshold", "value", [-1.0, 0.5]),
    ("hardtanh", "max_val", [0.5, 2.0])])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constants_as_in_pytorch(name: str, constant: str, values: list[float], dtype: str, rng):
    torch = pytest.importorskip("torch")
    required = {"threshold": {"threshold": 0.25}}.get(name, {})
    x = np.concatenate([np.array([0.0, -0.0, 0.25, 0.5, 2.0, -1.0]), rng.uniform(-9, 9, 2000)]).astype(dtype)
    for number in values:
        options = {**required, constant: number}
        value, slope = value_and_slope(lambda x: getattr(functions, name)(x, **options), x)
        theirs = torch.tensor(x, requires_grad=True)
        their_value = getattr(torch.nn.functional, name)(theirs, **options)
        their_value.sum().backward()
        is_rough = dtype == "float32" or name == "celu"
        rtol, atol = (5e-6, 1e-6) if is_rough else (1e-9, _PYTORCH_IS_OFF_BY.get(name, 1e-14))
        np.testing.assert_allclose(value, their_value.detach().numpy(), rtol, atol)
        np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol, atol)


@pytest.mark.parametrize("name, constant", [("leaky_relu", "negative_slope"), ("elu", "alpha"), ("celu", "alpha")])
def test_with_nothing_below_zero_they_are_relu(name: str, constant: str, backend: Backend):
    x = np.array([-np.inf, -1e30, -1.0, 0.0, 1.0, np.inf], "float32")
    value, slope = value_and_slope(lambda x: getattr(functions, name)(x, **{constant: 0.0}), x, device=backend.device)
    np.testing.assert_array_equal(value, np.maximum(x, 0))
    np.testing.assert_array_equal(slope, x > 0)


@pytest.mark.parametrize("slope", [-0.5, 0.5, 2.0])
def test_leaky_relu_has_limits_for_any_slope(slope: float, backend: Backend):
    value, slopes = value_and_slope(lambda x: functions.leaky_relu(x, negative_slope=slope),
                                    np.array([-np.inf, np.inf], "float32"), device=backend.device)
    assert [*value, *slopes] == [-np.inf * slope, np.inf, slope, 1]


@pytest.mark.parametrize("beta", [-1.0, -0.5, 0.0, 0.05, 0.5, 2.0, 30.0])
def test_swish_with_any_beta(beta: float, backend: Backend, rng):
    x = points(rng, "float64", 300)
    value, slope = value_and_slope(lambda x: functions.swish(x, beta=beta), x, device=backend.device)
    with np.errstate(all="ignore"):
        s = np.exp(-np.logaddexp(0, -beta * x))
        np.testing.assert_allclose(value, x * s, rtol=1e-11, atol=1e-300)
        np.testing.assert_allclose(slope, s + beta * x * s * np.exp(-np.logaddexp(0, beta * x)), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("beta", [-2.0, -0.5, 0.5, 2.0])
def test_swish_has_limits_for_any_beta(beta: float, backend: Backend):
    value, slope = value_and_slope(lambda x: functions.swish(x, beta=beta), np.array([-np.inf, np.inf], "float32"),
                                   device=backend.device)
    assert [*value, *slope] == ([0, np.inf, 0, 1] if beta > 0 else [-np.inf, 0, 1, 0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 2, 2)])
def test_prelu_as_in_pytorch(channels: int, shape: tuple, rng):
    torch = pytest.importorskip("torch")
    x = rng.normal(size=shape)
    x[0] = 0.0
    slopes = rng.normal(size=channels)
    upstream = rng.normal(size=shape)
    ours = Tensor(x, requires_grad=True), Tensor(slopes, requires_grad=True)
    theirs = torch.tensor(x, requires_grad=True), torch.tensor(slopes, requires_grad=True)
    y, their_y = functions.prelu(*ours), torch.nn.functional.prelu(*theirs)
    y.backward(upstream)
    their_y.backward(torch.tensor(upstream))
    np.testing.assert_array_equal(y.numpy(), their_y.detach().numpy())
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def test_prelu_on_every_device(backend: Backend):
    x = Tensor([[-2.0, 4.0], [-3.0, -5.0]], requires_grad=True, device=backend.device)
    slopes = Tensor([0.5, -1.0], requires_grad=True, device=backend.device)
    y = functions.prelu(x, slopes)
    y.sum().backward()
    assert y.tolist() == [[-1.0, 4.0], [-1.5, 5.0]]
    assert x.grad.tolist() == [[0.5, 1.0], [0.5, -1.0]] and slopes.grad.tolist() == [-5.0, -5.0]


@pytest.mark.parametrize("slope", [-2.0, 0.0, 0.5])
def test_prelu_has_limits_for_any_slope(slope: float, backend: Backend):
    x = np.array([-np.inf, -1.0, 0.0, np.inf, np.nan], "float32")
    weight = Tensor([slope], device=backend.device)
    value, slopes = value_and_slope(lambda x: functions.prelu(x, weight), x, device=backend.device)
    np.testing.assert_array_equal(value, [-np.inf * slope if slope else 0, -slope, 0, np.inf, np.nan])
    np.testing.assert_array_equal(slopes[:4], [slope, slope, slope, 1])


def test_prelu_says_which_slopes_it_wants():
    with pytest.raises(ValueError, match=r"each of the 3 channel\(s\).*shape \(2,\)"):
        functions.prelu(Tensor.zeros(4, 3), Tensor.zeros(2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rrelu_draws_slopes_in_training(backend: Backend, dtype: str):
    x = Tensor(np.linspace(-1, 1, 2000, dtype=dtype), requires_grad=True, device=backend.device)
    y = functions.rrelu(x, 0.2, 0.6, training=True)
    y.sum().backward()
    slopes, values = x.grad.numpy()[:1000], x.numpy()
    assert y.dtype == x.grad.dtype == dtype
    np.testing.assert_array_equal(x.grad.numpy()[1000:], 1)
    np.testing.assert_allclose(y.numpy()[:1000], slopes * values[:1000], rtol=1e-6)
    assert slopes.min() >= 0.2 - 1e-6 and slopes.max() <= 0.6 + 1e-6
    assert abs(slopes.mean() - 0.4) < 0.03 and slopes.std() > 0.08


def test_rrelu_of_a_number_and_of_float16():
    assert functions.rrelu(Tensor(-1.0), training=True).shape == ()
    assert functions.rrelu(Tensor(np.ones(3, np.float16)), training=True).dtype == np.float16


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_as_in_pytorch(approximate: str, rng):
    torch = pytest.importorskip("torch")
    x = rng.uniform(-9, 9, 2000)
    value, slope = value_and_slope(lambda x: functions.gelu(x, approximate), x)
    theirs = torch.tensor(x, requires_grad=True)
    their_value = torch.nn.functional.gelu(theirs, approximate=approximate)
    their_value.sum().backward()
    np.testing.assert_allclose(value, their_value.detach().numpy(), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_gelu_names_its_approximations():
    with pytest.raises(ValueError, match='"none" or "tanh"; got \'erf\''):
        functions.gelu(Tensor([1.0]), "erf")


# -- softmax ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [-1, 0, 1])
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_softmax_as_in_pytorch(name: str, dim: int, scale: float, rng):
    torch = pytest.importorskip("torch")
    x, upstream = rng.normal(size=(5, 4, 3)) * scale, rng.normal(size=(5, 4, 3))
    value, slope = value_and_slope(lambda x: getattr(functions, name)(x, dim), x, upstream)
    theirs = torch.tensor(x, requires_grad=True)
    their_value = getattr(torch, name)(theirs, dim)
    their_value.backward(torch.tensor(upstream))
    np.testing.assert_allclose(value, their_value.detach().numpy(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_softmax_on_every_device(backend: Backend, rng):
    x = rng.normal(size=(5, 4)).astype("float32") * 30
    x[0, 0] = -np.inf
    powers = np.exp(x.astype("float64") - x.max(1, keepdims=True))
    wanted = powers / powers.sum(1, keepdims=True)
    value, slope = value_and_slope(functions.softmax, x, device=backend.device)
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(slope, 0, atol=1e-6)  # the probabilities add up to 1, whatever x is
    value, _ = value_and_slope(functions.log_softmax, x[1:], device=backend.device)
    np.testing.assert_allclose(value, np.log(wanted[1:]), rtol=1e-5, atol=1e-5)


# -- derivatives ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", sorted(functions.ACTIVATIONS))
def test_derived_and_hand_written_derivatives_agree(name: str, rng):
    operation = functions.ACTIVATIONS[name]
    x = np.concatenate([rng.uniform(-9, 9, 3000), rng.uniform(-30, 30, 1000)])
    x = x[np.abs(x[:, None] - [-3, -1, 0, 1, 3, 6]).min(axis=1) > 1e-6]  # at kinks they may choose differently
    upstream, output = rng.normal(size=x.shape), operation(Tensor(x)).numpy()
    found = []
    for backward in (operation.gradient((0,)), gradient(operation.kernel, (0,), derived_slopes(operation.kernel))):
        arrays = [x] * len(backward.saved) + [output] * backward.saves_output + [upstream]
        found += get_backend("cpu").elementwise(backward.kernel, arrays, operation.defaults)
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-13)


@EVERY_CASE
def test_derivatives_are_those_of_differences(case: Case, rng):
    x = rng.uniform(-5, 5, 30)
    x = x[np.abs(x[:, None] - np.array((100, *case.kinks))).min(axis=1) > 1e-3]
    assert gradcheck(case, [Tensor(x, requires_grad=True)])


@EVERY_CASE
def test_second_derivatives_are_those_of_differences(case: Case, backend: Backend, rng):
    x = rng.uniform(-5, 5, 60)
    x = x[np.abs(x[:, None] - np.array((100, *case.kinks))).min(axis=1) > 1e-3]
    leaf = Tensor(x, requires_grad=True, device=backend.device)
    case(leaf).sum().backward(create_graph=True)
    slope, leaf.grad = leaf.grad, None
    if not slope.requires_grad:  # a piecewise constant slope
        assert case.name in PIECEWISE_STRAIGHT
        return
    slope.sum().backward()
    second = 0.0 if leaf.grad is None else leaf.grad.numpy()
    differences = (case.slope(x + 1e-5) - case.slope(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(second, differences, rtol=1e-5, atol=1e-6)


def test_every_activation_is_tested():
    tested = {case.name for case in CASES} | {"gelu_erf", "gelu_tanh"}
    assert functions.ACTIVATIONS.keys() <= tested


def test_a_star_import_brings_no_name_of_python_itself():
    import builtins
    assert not set(functions.__all__) & set(dir(builtins))
    assert all(hasattr(functions, name) for name in functions.__all__)


def test_swish_without_a_gate_is_half_the_input():
    x = Tensor([-np.inf, -1.0, 0.0, 2.0, np.inf], requires_grad=True)
    y = functions.swish(x, beta=0.0)
    y.backward(np.ones(5, np.float32))
    assert y.tolist() == [-np.inf, -0.5, 0.0, 1.0, np.inf] and x.grad.tolist() == [0.5] * 5
