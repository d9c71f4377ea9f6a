"""README's table of differences from PyTorch: each row is true, and there is a row for each check."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim
from library import ROOT

CHECKS: dict = {}


def _row(beginning):
    """Let a function hold the row that begins in this way."""
    def kept(check):
        CHECKS[beginning] = check
        return check
    return kept


def _rows():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Coming from PyTorch\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:]


@_row("Random numbers")
def _random(torch):
    gradcore.manual_seed(0)
    torch.manual_seed(0)
    assert gradcore.rand(4).tolist() != torch.rand(4).tolist()


@_row("Errors are")
def _errors(torch):
    for call, kind in ((lambda library: library.ones(2) + library.ones(3), ValueError),
                       (lambda library: library.ones(2, dtype=library.int64, requires_grad=True), TypeError)):
        with pytest.raises(kind):
            call(gradcore)
        with pytest.raises(RuntimeError):
            call(torch)


@_row("dtypes are NumPy's")
def _dtypes(torch):
    x = gradcore.ones(2)
    assert x.dtype == "float32" and x.dtype == np.float32 and x.shape == (2,)
    assert type(x.shape) is tuple is gradcore.Size and torch.float32 != "float32"


@_row("`x.size` is a number")
def _size(torch):
    assert gradcore.ones(2, 3).size == 6 and gradcore.ones(2, 3).size() == tuple(torch.ones(2, 3).size()) == (2, 3)


@_row("The default dtype")
def _default_dtype(torch):
    with pytest.raises(ValueError, match="name float64 where tensors are made"):
        gradcore.set_default_dtype(gradcore.float64)
    assert nn.Linear(1, 1).double().weight.dtype == gradcore.float64


@_row("`Tensor(array)` keeps")
def _of_arrays(torch):
    assert Tensor(np.ones(2)).dtype == "float64" and torch.Tensor(np.ones(2)).dtype == torch.float32
    with pytest.raises(TypeError):
        Tensor(2, 3)
    assert gradcore.empty(2, 3).shape == tuple(torch.Tensor(2, 3).shape)


@_row("There is no bfloat16")
def _kinds(torch):
    assert not any(hasattr(gradcore, name) for name in ("bfloat16", "complex64", "sparse_coo_tensor"))
    with pytest.raises(TypeError, match="complex"):
        gradcore.tensor([1j])


@_row("`view` makes a copy")
def _view(torch):
    assert gradcore.arange(6).view(2, 3).T.view(-1).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError):
        torch.arange(6).view(2, 3).T.view(-1)


@_row("`diagonal` gives a copy")
def _diagonal(torch):
    ours, theirs = gradcore.ones(2, 2), torch.ones(2, 2)
    ours.diagonal().zero_()
    theirs.diagonal().zero_()
    assert ours.sum().item() == 4 and theirs.sum().item() == 2
    assert ours.fill_diagonal_(0.0).tolist() == theirs.tolist()


@_row("A recorded change in place of a view")
def _in_place(torch):
    def changed(library):
        x = library.ones(2, 2, requires_grad=True) * 1
        x[0].add_(1)
        return x.sum().item()

    assert changed(torch) == 6
    with pytest.raises(RuntimeError, match=r"change a \.clone\(\)"):
        x = gradcore.ones(2, 2, requires_grad=True) * 1
        part = x[0]
        part.add_(1)


@_row("The mean of integers")
def _mean(torch):
    assert gradcore.tensor([1, 2]).mean().dtype == "float32"
    with pytest.raises(RuntimeError):
        torch.tensor([1, 2]).mean()


@_row("`inf // 2` is")
def _quotients_of_infinities(torch):
    def of(library):
        return (library.tensor([np.inf, -1.0]) // library.tensor([2.0, np.inf])).tolist()

    assert of(gradcore) == [np.inf, 0]
    np.testing.assert_equal(of(torch), [np.nan, -1])


@_row("A `uint8` tensor as an index")
def _positions(torch):
    x, index = np.array([5.0, 6.0, 7.0]), np.array([2, 0, 1], "uint8")
    assert gradcore.tensor(x)[gradcore.tensor(index)].tolist() == [7, 5, 6]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.tensor(x)[torch.tensor(index)].tolist() == [5, 7]


@_row("The sign of NaN")
def _signs(torch):
    found = []
    for library in (gradcore, torch):
        x = library.tensor([1.0, np.nan, 2.0], requires_grad=True)
        library.amax(x).backward()
        found.append((library.sign(x.detach()).tolist(), x.grad.tolist()))
    np.testing.assert_array_equal(found[0], [[1, np.nan, 1], [0, 1, 0]])
    np.testing.assert_array_equal(found[1], [[1, 0, 1], [np.nan] * 3])


@_row("Integers divided by zero")
def _division(torch):
    with pytest.raises(ZeroDivisionError):
        gradcore.tensor([1]) // gradcore.tensor([0])
    with pytest.raises(RuntimeError):
        torch.tensor([1]) // torch.tensor([0])
    for call in (lambda x: x ** gradcore.tensor([-1]), lambda x: x << -1, lambda x: x >> gradcore.tensor([-1])):
        with pytest.raises(ValueError):
            call(gradcore.tensor([4]))


@_row("`save` takes states")
def _save(torch, tmp_path):
    with pytest.raises(TypeError, match="state_dict"):
        gradcore.save(nn.Linear(1, 1), tmp_path / "a.pt")
    torch.save({"x": torch.ones(1)}, tmp_path / "b.pt")
    with pytest.raises(ValueError, match="pickled"):
        gradcore.load(tmp_path / "b.pt")


@_row("A file from a device")
def _load(torch, tmp_path):
    from test_save_load import _from_another_machine
    _from_another_machine(tmp_path / "a.npz", "cuda:77")
    assert gradcore.load(tmp_path / "a.npz")["x"].device == "cpu"


@_row("Workers of a `DataLoader`")
def _workers(torch):
    with pytest.raises(ValueError, match="forked process"):
        gradcore.utils.data.DataLoader([1], num_workers=1, multiprocessing_context="fork")
    torch.utils.data.DataLoader([1], num_workers=1, multiprocessing_context="fork")


@_row("`autograd.Function` returns new tensors")
def _function(torch):
    class Dirty(gradcore.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x

    with pytest.raises(NotImplementedError, match="return a new tensor"):
        Dirty.apply(gradcore.ones(1))


@_row("`out=` is taken by")
def _out(torch):
    x, y = gradcore.ones(2), gradcore.zeros(2)
    assert gradcore.add(x, x).tolist() == [2, 2] and gradcore.exp(x, out=y) is y
    for call in (lambda library: library.cumsum(library.ones(2), 0, out=library.zeros(2)),
                 lambda library: library.zeros(2, layout=torch.strided),
                 lambda library: library.ones(1, 1, 1, 1).to(memory_format=torch.channels_last),
                 lambda library: library.tensor([1.0], pin_memory=False)):
        call(torch)
        with pytest.raises(TypeError):
            call(gradcore)


@_row("Options that choose how")
def _ways(torch):
    parameters = [gradcore.ones(1, requires_grad=True)]
    optim.Adam(parameters, foreach=True, fused=True)
    for refused in (lambda: optim.Adam(parameters, differentiable=True), lambda: nn.Embedding(2, 2, sparse=True),
                    lambda: gradcore.autograd.grad(parameters[0] * 1, parameters, is_grads_batched=True)):
        with pytest.raises(NotImplementedError, match="not supported"):
            refused()


@_row("`lr` is a number")
def _rate(torch):
    with pytest.raises(TypeError, match="`lr` must be a number"):
        optim.SGD([Tensor([1.0], requires_grad=True)], lr=gradcore.tensor(0.1))
    torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=torch.tensor(0.1))


@_row("There is no `autocast`")
def _mixed(torch):
    assert hasattr(torch, "autocast") and not hasattr(gradcore, "autocast") and not hasattr(gradcore, "amp")
    half = Tensor([300.0, 400.0], dtype="float16")
    assert half.norm().dtype == "float16" and half.norm().item() == 500  # the squares are beyond float16
    gradcore.backends.cudnn.benchmark = True
    assert not gradcore.backends.mps.is_available() and not gradcore.backends.cudnn.is_available()
    assert hasattr(torch.backends.cudnn, "benchmark") and hasattr(torch.backends.mps, "is_available")


@_row("There is no `compile`")
def _compile(torch):
    assert hasattr(torch, "compile") and not hasattr(gradcore, "compile")


@pytest.mark.parametrize("row", _rows())
def test_a_difference_is_there(row, torch, request, tmp_path):
    check, = [check for beginning, check in CHECKS.items() if row.startswith(beginning)]
    check(torch, **({"tmp_path": tmp_path} if check in (_save, _load) else {}))


def test_every_check_has_a_row():
    assert not [beginning for beginning in CHECKS if not any(row.startswith(beginning) for row in _rows())]
    assert re.search(r"\| here \| reason \|", (ROOT / "README.md").read_text(encoding="utf-8"))
