"""`gradcore.interop.to_torch`: functions of tensors as functions of PyTorch tensors, with PyTorch's gradients."""

from __future__ import annotations

import copy
import pickle
import sys

import pytest

import gradcore
import kernels
from gradcore import elementwise, rowwise
from gradcore.interop import to_torch

mish = elementwise(kernels.mish)


@elementwise
def _scaled(xp, x, y, scale=2.0):
    return xp.tanh(x * scale) * y + xp.exp(-y * y)


@elementwise
def _sum_of(xp, x, y):
    return x + y


CASES = [(mish, 1, {}), (gradcore.functions.swish, 1, {}), (gradcore.functions.softplus, 1, {"beta": 2.0}),
         (_scaled, 2, {}), (_scaled, 2, {"scale": 0.5}), (_sum_of, 2, {})]


def random(torch, *shape, dtype=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype or torch.float64, generator=generator).requires_grad_()


@pytest.mark.parametrize("operation, count, constants", CASES)
def test_gradients_of_an_operation_in_pytorch(operation, count, constants, torch):
    """To the second order, against differences."""
    inputs = [random(torch, 3, 2, seed=i) for i in range(count)]
    function = to_torch(operation)
    assert torch.autograd.gradcheck(lambda *x: function(*x, **constants), inputs)
    assert torch.autograd.gradgradcheck(lambda *x: function(*x, **constants), inputs)


@pytest.mark.parametrize("shapes", [((3, 1), (1, 4)), ((2, 3), ()), ((3,), (2, 3))])
def test_gradients_of_broadcast_inputs_in_pytorch(shapes, torch):
    inputs = [random(torch, *shape, seed=i) for i, shape in enumerate(shapes)]
    assert torch.autograd.gradcheck(to_torch(_scaled), inputs)
    assert torch.autograd.gradgradcheck(to_torch(_scaled), inputs)


def test_the_values_and_gradients_are_pytorch_s_own(torch):
    x = random(torch, 1000, dtype=torch.float32)
    ours, = torch.autograd.grad(to_torch(mish)(x).square().sum(), x)
    theirs, = torch.autograd.grad(torch.nn.functional.mish(x).square().sum(), x)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(to_torch(mish)(x), torch.nn.functional.mish(x))


def test_one_input_may_be_a_number_or_need_no_gradient(torch):
    x = random(torch, 3)
    function = to_torch(_scaled)
    assert torch.autograd.gradcheck(lambda x: function(x, 0.5), x)
    assert torch.autograd.gradcheck(lambda x: function(0.5, x), x)
    assert torch.autograd.gradcheck(lambda x: function(x=x, y=torch.ones(3, dtype=x.dtype), scale=3.0), x)
    assert torch.autograd.gradgradcheck(lambda x: function(x, 0.5), x)


def test_mixed_dtypes_get_gradients_of_their_own(torch):
    x, y = random(torch, 3, dtype=torch.float32), random(torch, 3, dtype=torch.float16)
    out = to_torch(_scaled)(x, y)
    out.sum().backward()
    assert (out.dtype, x.grad.dtype, y.grad.dtype) == (torch.float32, torch.float32, torch.float16)


def test_views_of_pytorch_tensors(torch):
    x = random(torch, 4, 6)
    assert torch.autograd.gradcheck(lambda x: to_torch(mish)(x.T[1:, ::2]), x)
    lazy = torch.view_as_complex(torch.randn(3, 2)).conj().imag
    assert lazy.is_neg()
    torch.testing.assert_close(to_torch(mish)(lazy), torch.nn.functional.mish(lazy.clone()))


def test_nothing_is_copied_on_the_way(torch, monkeypatch):
    """Kernels are given the memory of the PyTorch tensors, and theirs is what PyTorch gets."""
    read, written = [], []
    backend = gradcore.get_backend("cpu")
    run = backend.elementwise

    def noted(kernel, inputs, constants=()):
        outputs = run(kernel, inputs, constants)
        read.append([array.ctypes.data for array in inputs])
        written.append([array.ctypes.data for array in outputs])
        return outputs

    monkeypatch.setattr(backend, "elementwise", noted)
    x, upstream = random(torch, 5), torch.ones(5, dtype=torch.float64)
    y = to_torch(mish)(x)
    gradient, = torch.autograd.grad(y, x, upstream)
    assert read[0] == [x.data_ptr()] and written[0] == [y.data_ptr()]
    assert x.data_ptr() in read[1] and read[1][-1] == upstream.data_ptr() and written[1] == [gradient.data_ptr()]


def test_results_that_have_no_gradient(torch):
    larger = to_torch(elementwise(lambda xp, x, y: x > y))
    x = random(torch, 3)
    out = larger(x, 0.0)
    assert out.dtype == torch.bool and not out.requires_grad
    assert to_torch(mish)(torch.ones(3)).requires_grad is False


def test_what_pytorch_guards_stays_guarded(torch):
    x = random(torch, 3)
    y = x * 1
    out = to_torch(mish)(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@rowwise
def _centred(xp, x, weight):
    return (x - xp.mean(x)) * xp.exp(weight)


@rowwise
def _moments(xp, x):
    mean = xp.mean(x)
    return mean, xp.mean((x - mean) ** 2)


F = gradcore.functions
FUNCTIONS = {
    "gelu": (F.gelu, lambda f, x: f(x)), "gelu tanh": (F.gelu, lambda f, x: f(x, approximate="tanh")),
    "rows": (_centred, lambda f, x: f(x, x[0], dim=1)), "several": (_moments, lambda f, x: sum(f(x, dim=0))),
    "layer_norm": (F.layer_norm, lambda f, x: f(x, (4,), x[0], x[1])), "softmax": (F.softmax, lambda f, x: f(x, dim=0)),
    "matmul": (gradcore.matmul, lambda f, x: f(x, x.T)), "reduction": (gradcore.logsumexp, lambda f, x: f(x, dim=1)),
    "list": (gradcore.cat, lambda f, x: f([x, x * 2], dim=1)),
    "named tuple": (gradcore.max, lambda f, x: f(x, 1).values), "dropout": (F.dropout, lambda f, x: _repeating(f, x)),
    "one's own": (lambda x, n: (x.sin() * n).cumsum(0), lambda f, x: f(x, n=3)),
}


def _repeating(function, x):
    gradcore.manual_seed(0)
    return function(x * x, 0.4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_any_function_in_pytorch(name, torch):
    function, use = FUNCTIONS[name]
    ours, x = to_torch(function), random(torch, 3, 4)
    assert torch.autograd.gradcheck(lambda x: use(ours, x), x)
    assert torch.autograd.gradgradcheck(lambda x: use(ours, x), x)


def test_a_draw_is_repeated_where_gradients_of_gradients_need_it(torch):
    function, x = to_torch(F.dropout), random(torch, 200)
    y = function(x * x)
    state = gradcore.get_rng_state().tolist()
    slope, = torch.autograd.grad(y.sum(), x, create_graph=True)
    torch.testing.assert_close(slope, 2 * y / x)
    second, = torch.autograd.grad(slope.sum(), x)
    torch.testing.assert_close(second, slope.detach() / x.detach())
    assert gradcore.get_rng_state().tolist() == state


def test_losses_with_targets_are_pytorchs(torch):
    x, targets = random(torch, 5, 3), torch.tensor([0, 2, 1, 1, 0])
    for name in ("cross_entropy", "mse_loss"):
        other = targets if name == "cross_entropy" else torch.ones(5, 3, dtype=x.dtype)
        ours, theirs = to_torch(getattr(F, name))(x, other), getattr(torch.nn.functional, name)(x, other)
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(*[torch.autograd.grad(loss, x)[0] for loss in (ours, theirs)])


def test_pytorch_gets_no_second_name_for_its_own_memory(torch):
    x = torch.ones(3, requires_grad=True)
    for function in (lambda x: F.dropout(x, training=False), lambda x: x.reshape(3, 1), lambda x: x.expand(2, 3)):
        y = to_torch(function)(x)
        y.detach().zero_()
        assert x.tolist() == [1, 1, 1] and y.requires_grad


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # read where a graph is broken
def test_torch_compile_leaves_the_call_as_it_is(torch):
    """It makes a graph before it and one after it."""
    function, x = to_torch(gradcore.functions.mish), random(torch, 3, 4, dtype=torch.float32)
    compiled = torch.compile(lambda x: (function(x * 2) + 1).sin(), backend="eager")
    expected = (torch.nn.functional.mish(x * 2) + 1).sin()
    for _ in range(2):
        y = compiled(x)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(*[torch.autograd.grad(z.sum(), x, retain_graph=True)[0] for z in (y, expected)])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_what_is_made_is_pickled_and_held_by_modules(copied, torch):
    ours = to_torch(gradcore.functions.mish)

    class Net(torch.nn.Module):
        activation = ours

    x = random(torch, 3)
    for function in (copied(ours), Net().activation):
        torch.testing.assert_close(function(x), torch.nn.functional.mish(x))
        assert function.__name__ == "mish" and repr(function) == f"to_torch({gradcore.functions.mish!r})"


@pytest.mark.parametrize("wrong", ["relu", None])
def test_only_functions_become_pytorch_s(wrong, torch):
    with pytest.raises(TypeError, match="to_torch: `function` must be a function; got "):
        to_torch(wrong)


def test_wrong_inputs_are_told(torch):
    function = to_torch(_scaled)
    assert function.__name__ == "_scaled"
    with pytest.raises(TypeError, match="_scaled, made by to_torch, takes PyTorch tensors, at least one.*float, float"):
        function(1.0, 2.0)
    with pytest.raises(TypeError, match="missing: y"):
        function(torch.ones(2))
    with pytest.raises(TypeError, match="scaled: operands must be tensors, arrays or numbers; got str"):
        function(torch.ones(2), "text")
    with pytest.raises(BufferError, match="bfloat16"):
        function(torch.ones(2, dtype=torch.bfloat16), 1.0)
    with pytest.raises(TypeError, match="returns a tensor or several; got str"):
        to_torch(repr)(torch.ones(2))


def test_without_pytorch_there_is_a_word_about_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="to_torch needs PyTorch.*pip install torch"):
        to_torch(mish)
