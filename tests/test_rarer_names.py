"""The rarer of PyTorch's names for operations and methods beside PyTorch's: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from gradcore.backends import Backend
from beside_torch import assert_alike, compare

CALLS = [
    lambda lib, x, y: lib.fmax(x, y), lambda lib, x, y: lib.fmin(x, y), lambda lib, x, y: lib.erfc(x),
    lambda lib, x, y: lib.logaddexp2(x, y), lambda lib, x, y: lib.ldexp(x, y), lambda lib, x, y: lib.float_power(x, 2),
    lambda lib, x, y: lib.dist(x, y, 3), lambda lib, x, y: lib.renorm(x, 2, 0, 1.0),
    lambda lib, x, y: lib.logcumsumexp(x, 1), lambda lib, x, y: x.unfold(1, 3, 2), lambda lib, x, y: x.unfold(0, 2, 1),
    lambda lib, x, y: lib.msort(x), lambda lib, x, y: lib.trapezoid(x, dx=0.5), lambda lib, x, y: lib.trapz(y, x),
    lambda lib, x, y: lib.trapezoid(x, y[:, 0], dim=0), lambda lib, x, y: lib.diagflat(x[0], 1),
    lambda lib, x, y: lib.cross(x[:3], y[:3], dim=0), lambda lib, x, y: lib.cross(x[:, :3], y[:, :3], dim=1),
    lambda lib, x, y: lib.max(x, other=y), lambda lib, x, y: x.min(other=y), lambda lib, x, y: x.kron(y[:2, :2]),
    lambda lib, x, y: lib.swapdims(x, dim0=0, dim1=1), lambda lib, x, y: x.hsplit([2]), lambda lib, x, y: x.vsplit(2),
    lambda lib, x, y: lib.absolute(x), lambda lib, x, y: lib.positive(x), lambda lib, x, y: lib.row_stack([x, y]),
    lambda lib, x, y: lib.split_with_sizes(x, [1, 3]), lambda lib, x, y: lib.fix(x) + x,
    lambda lib, x, y: lib.sgn(x.detach()) * y + x,
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_operations(number, torch, backend: Backend, rng):
    call = CALLS[number]
    arrays = [rng.normal(size=(4, 5)) for _ in range(2)]
    compare(torch, lambda *args: call(gradcore, *args), lambda *args: call(torch, *args), arrays, backend.device, rng,
            tolerance=1e-7)


@pytest.mark.parametrize("call", [
    lambda lib, x, n: lib.isposinf(x), lambda lib, x, n: lib.isneginf(x),
    lambda lib, x, n: lib.bucketize(x, x[0, [1, 3]]),
    lambda lib, x, n: lib.bucketize(n, n[0].sort().values, right=True), lambda lib, x, n: lib.isin(n, n[0, :2]),
    lambda lib, x, n: lib.searchsorted(n[0], n, sorter=n[0].argsort()),
    lambda lib, x, n: lib.atleast_2d(n[0], n, n[0, 0]),
    lambda lib, x, n: lib.nanmean(x, 1, dtype=lib.float64), lambda lib, x, n: lib.norm(n.float(), dtype=lib.float64),
    lambda lib, x, n: lib.cdist(x[1:], x[1:] + 1, compute_mode="donot_use_mm_for_euclid_dist"),
    lambda lib, x, n: lib.isin(n, n[0, :1], invert=True), lambda lib, x, n: lib.isin(n, n[0, :0]),
    lambda lib, x, n: lib.unique(n, return_inverse=True, return_counts=True),
    lambda lib, x, n: lib.unique(n, return_inverse=True, return_counts=True, dim=0),
    lambda lib, x, n: lib.unique(n, dim=1), lambda lib, x, n: lib.unique_consecutive(n, True, True),
    lambda lib, x, n: lib.unique_consecutive(n, True, True, 0), lambda lib, x, n: lib.tensor(n.dtype == lib.int64)])
def test_operations_without_gradients(call, torch, backend: Backend, rng):
    x = np.array([[np.inf, -np.inf, np.nan, 1.0], [2.0, 0.0, -1.0, np.inf]])
    n = rng.integers(0, 3, (5, 3))
    ours, theirs = [call(library, library.tensor(x), library.tensor(n)) for library in (gradcore, torch)]
    ours, theirs = [result if isinstance(result, tuple) else (result,) for result in (ours, theirs)]
    assert_alike(ours, theirs)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scattered_reductions(reduce, include_self, torch, backend: Backend, rng):
    index = rng.integers(0, 4, (6, 3))
    x, src = rng.integers(-2, 3, (4, 3)).astype(float), rng.integers(-2, 3, (6, 3)).astype(float)  # with equal ones
    x += 0 if include_self else 0.5  # PyTorch counts an equal element also where it is not included

    def called(tensor):
        return lambda x, src: x.scatter_reduce(0, tensor(index), src, reduce, include_self=include_self)

    compare(torch, called(lambda index: Tensor(index, dtype=int, device=backend.device)), called(torch.tensor),
            [x, src], backend.device, rng)
    y, z = Tensor(x, device=backend.device), torch.tensor(x)
    y.scatter_reduce_(0, Tensor(index, dtype=int, device=backend.device), Tensor(src, device=backend.device), reduce)
    z.scatter_reduce_(0, torch.tensor(index), torch.tensor(src), reduce)
    assert_alike([y], [z])


def test_second_derivatives_of_scattered_reductions(backend: Backend, rng):
    x, src = [Tensor(rng.normal(size=size), requires_grad=True, device=backend.device) for size in (3, 5)]
    index = Tensor([0, 1, 0, 2, 0], dtype=int, device=backend.device)
    for reduce in ("prod", "amax"):
        assert gradcore.gradcheck(lambda x, src: (x.scatter_reduce(0, index, src, reduce) ** 2).sum(), (x, src))


def test_scatter_takes_numbers_by_name(torch):
    for lib in (gradcore, torch):
        x = lib.zeros(3)
        assert x.scatter_(0, lib.tensor([0, 2]), value=5.0) is x and x.tolist() == [5, 0, 5]
        assert x.scatter_(0, lib.tensor([0, 0]), 1.0, reduce="add").tolist() == [7, 0, 5]
    with pytest.raises(TypeError, match="scatter: pass either `src` or `value`"):
        gradcore.zeros(3).scatter(0, gradcore.tensor([0]))


@pytest.mark.filterwarnings("ignore:Using torch.cross without specifying the dim")
def test_vector_products_along_the_first_dimension_of_three(torch, backend: Backend, rng):
    compare(torch, gradcore.cross, torch.cross, [rng.normal(size=(2, 3, 3)) for _ in range(2)], backend.device, rng)


def test_gradients_of_what_nothing_depends_on(torch):
    for lib in (gradcore, torch):
        x, y = [lib.tensor([2.0], requires_grad=True) for _ in range(2)]
        found = lib.autograd.grad(x * x, (x, y), materialize_grads=True)
        assert [gradient.tolist() for gradient in found] == [[4], [0]]
        assert lib.autograd.grad(x * x, (x, y), allow_unused=True)[1] is None
    wrong = gradcore.tensor([3.0], dtype="float64", requires_grad=True)
    assert gradcore.gradcheck(lambda x: x.detach() * x, wrong, raise_exception=False) is False
    with pytest.raises(NotImplementedError, match="grad: `only_inputs=False`"):
        gradcore.autograd.grad(wrong * 1, wrong, only_inputs=False)


def test_cores_and_precision(torch):
    before = gradcore.get_num_threads()
    try:
        gradcore.set_num_threads(1)
        assert gradcore.get_num_threads() == 1 and gradcore.ones(10).exp().sum().item() == pytest.approx(27.18, 1e-3)
    finally:
        gradcore.set_num_threads(before)
    for wrong in (0, True, 1.5):
        with pytest.raises((ValueError, TypeError), match="set_num_threads"):
            gradcore.set_num_threads(wrong)
    gradcore.set_float32_matmul_precision("high")
    with pytest.raises(ValueError, match="set_float32_matmul_precision: expected"):
        gradcore.set_float32_matmul_precision("low")


# -- in place ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, args", [
    ("squeeze_", ()), ("squeeze_", (1,)), ("unsqueeze_", (0,)), ("transpose_", (0, 2)), ("swapaxes_", (0, 1)),
    ("swapdims_", (0, 2))])
def test_tensors_become_views_of_themselves(name, args, torch, backend: Backend, rng):
    def called(x):
        y = x * 2
        part = y[0]
        assert getattr(y, name)(*args) is y
        return y * y, part

    compare(torch, called, called, [rng.normal(size=(3, 1, 4))], backend.device, rng)


def test_turned_in_place(torch, backend: Backend, rng):
    x = Tensor(rng.normal(size=(2, 3)), device=backend.device)
    assert x.t_().shape == (3, 2) and x.T.is_contiguous() and not x.is_contiguous()
    leaf = Tensor.ones(1, 2, requires_grad=True, device=backend.device)
    with pytest.raises(RuntimeError, match="squeeze_: a leaf that requires a gradient cannot be changed in place"):
        leaf.squeeze_()
    with gradcore.no_grad():
        assert leaf.squeeze_().shape == (2,) and leaf.requires_grad and leaf.is_leaf
    y = leaf * 2
    z = (y * y).sum()
    y.unsqueeze_(0)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("name", [
    "acos", "arctan", "asinh", "atan2", "copysign", "deg2rad", "digamma", "erfc", "erfinv", "fix", "ge", "greater",
    "heaviside", "hypot", "ldexp", "lgamma", "logical_and", "logical_xor", "logit", "lt", "ne", "negative", "not_equal",
    "sgn", "sinc", "subtract", "true_divide", "xlogy", "multiply", "absolute"])
def test_more_operations_in_place(name, torch, rng):
    x, y = rng.uniform(0.1, 0.9, (3, 2)), rng.uniform(0.1, 0.9, (3, 2))
    two = name in ("atan2 copysign ge greater heaviside hypot ldexp logical_and logical_xor lt ne not_equal subtract "
                   "true_divide xlogy multiply").split()
    results = []
    for library in (gradcore, torch):
        tensors = [library.tensor(array) for array in (x, y)]
        assert getattr(tensors[0], f"{name}_")(*tensors[1:] * two) is tensors[0]
        results.append(tensors[0])
    assert_alike(results[:1], results[1:], 1e-7)


# -- facts ------------------------------------------------------------------------------------------------------------

def test_memory(torch, backend: Backend):
    for shape in ((2, 3), (3,), (), (2, 1, 3), (0, 4)):
        ours, theirs = Tensor.zeros(*shape, device=backend.device), torch.zeros(shape)
        assert ours.is_contiguous() == theirs.is_contiguous()
        if 0 not in shape:
            assert [step for n, step in zip(shape, ours.stride()) if n > 1] == \
                   [step for n, step in zip(shape, theirs.stride()) if n > 1]
    x = Tensor.zeros(2, 3, device=backend.device)
    assert x.T.stride() == torch.zeros(2, 3).T.stride() == (1, 3) and x.stride(-1) == x.stride(dim=1) == 1
    assert not x.T.is_contiguous() and x.T.contiguous().is_contiguous() and not x.is_cuda
    assert x.is_signed() and not gradcore.is_signed(x.bool()) and gradcore.is_same_size(x, x + 1)


def test_addresses():
    x = gradcore.zeros(4)
    assert x.data_ptr() == x.numpy().__array_interface__["data"][0] and x[1:].data_ptr() == x.data_ptr() + 4
    assert x.is_cpu and x.numpy(force=True) is not None


@pytest.mark.parametrize("left", ["bool", "uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("right", ["bool", "int32", "float32", "float64", 1, 1.5, True])
def test_dtypes_in_which_tensors_meet(left, right, torch):
    def made(library, dtype, shape):
        return library.ones(shape, dtype=getattr(library, dtype)) if isinstance(dtype, str) else dtype

    for shapes in (((2,), (2,)), ((2,), ()), ((), (2,))):
        ours, theirs = [library.result_type(made(library, left, shapes[0]), made(library, right, shapes[1]))
                        for library in (gradcore, torch)]
        assert str(theirs) == f"torch.{ours}"


@pytest.mark.parametrize("make", [
    lambda lib: lib.logspace(-1, 2, 5), lambda lib: lib.logspace(0, 3, 4, base=2.0, dtype=lib.float64),
    lambda lib: lib.scalar_tensor(2), lambda lib: lib.hann_window(5), lambda lib: lib.hann_window(6, False),
    lambda lib: lib.hamming_window(7), lambda lib: lib.hann_window(1),
    lambda lib: lib.hamming_window(4, False, 0.5, 0.4)])
def test_new_tensors(make, torch):
    ours, theirs = make(gradcore), make(torch)
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    assert_alike([ours], [theirs], 1e-6)


@pytest.mark.parametrize("name", ["Bool", "Byte", "Char", "Short", "Int", "Long", "Half", "Float", "Double"])
def test_old_names_of_tensors(name, torch):
    for data in ([[1, 0], [1, 1]], [], np.array([0, 1])):
        ours, theirs = [getattr(library, f"{name}Tensor")(data) for library in (gradcore, torch)]
        assert str(theirs.dtype) == f"torch.{ours.dtype}" and ours.tolist() == theirs.tolist()
    with pytest.raises(TypeError, match=f"{name}Tensor: .*a tensor of sizes \\(2, 3\\) is made by gradcore.empty"):
        getattr(gradcore, f"{name}Tensor")(2, 3)


@pytest.mark.parametrize("call, words", [
    (lambda x: x.scatter_reduce(0, x.long() * 0, x, "median"), "scatter_reduce: `reduce` must be one of sum, prod"),
    (lambda x: x.unfold(0, 3, 1), "unfold: `size` must be from 0 to 2"),
    (lambda x: x.unfold(0, 1, 0), "unfold: `size` must be .* and `step` at least 1"),
    (lambda x: x.renorm(-1, 0, 1.0), "renorm: `p` must be above 0"),
    (lambda x: gradcore.hann_window(-1), "hann_window: `window_length` must be at least 0"),
    (lambda x: x.max(0, other=x), "max: pass either `dim` or `other`")])
def test_what_means_nothing_is_refused_in_words(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call(Tensor.ones(2, 3))
