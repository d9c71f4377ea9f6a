"""Arguments of the right type that mean nothing are refused in words: who refuses, what is expected, what came in."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, functions, nn, optim
from gradcore.backends import Backend

_LOSSES = [nn.MSELoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.NLLLoss, nn.CrossEntropyLoss]


@pytest.mark.parametrize("loss", _LOSSES)
@pytest.mark.parametrize("reduction, error, expected", [
    ("foo", ValueError, "one of mean, sum, none"), (None, TypeError, "a string"), (["mean"], TypeError, "a string")])
def test_losses_refuse_an_unknown_reduction_when_they_are_made(loss, reduction, error, expected):
    with pytest.raises(error, match=f"{loss.__name__}: `reduction` must be {expected}; got"):
        loss(reduction=reduction)


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_functions_of_losses_name_themselves(name, backend: Backend):
    x = Tensor([0.5], device=backend.device)
    with pytest.raises(ValueError, match=f"^{name}: `reduction` must be one of mean, sum, none; got 'foo'"):
        getattr(functions, name)(x, x, reduction="foo")


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_functions_of_class_losses_name_themselves(name, backend: Backend):
    with pytest.raises(ValueError, match=f"^{name}: `reduction` must be one of mean, sum, none; got 'foo'"):
        getattr(functions, name)(Tensor([[0.5, 0.5]], device=backend.device), [1], reduction="foo")


@pytest.mark.parametrize("call, words", [
    (lambda: nn.Dropout(2.0), r"Dropout: `p` must be between 0 and 1, a probability; got 2.0"),
    (lambda: nn.Dropout(-0.5), r"Dropout: `p` .* got -0.5"),
    (lambda: nn.Dropout(float("nan")), r"Dropout: `p` .* got nan"),
    (lambda: functions.dropout(Tensor([1.0]), 2.0), r"dropout: `p` .* got 2.0"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), r"CrossEntropyLoss: `label_smoothing` .* got 1.5"),
    (lambda: gradcore.arange(0, 5, -1), r"arange: `step` -1 does not lead from 0 to 5"),
    (lambda: gradcore.arange(5, 0), r"arange: `step` 1 does not lead from 5 to 0"),
    (lambda: gradcore.arange(0, 5, 0), r"arange: `step` 0 does not lead from 0 to 5"),
])
def test_numbers_without_a_meaning_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_empty_ranges_are_ranges():
    assert gradcore.arange(0).tolist() == [] and gradcore.arange(3, 3, -1).tolist() == []
    assert gradcore.arange(5, 0, -2).tolist() == [5, 3, 1]


def test_split_refuses_negative_lengths(backend: Backend):
    with pytest.raises(ValueError, match=r"split: the pieces must have lengths of at least 0; got \[3, -1\]"):
        Tensor([1.0, 2.0], device=backend.device).split([3, -1])


@pytest.mark.parametrize("dtype", [complex, "complex64", "U5", object, "datetime64[s]"])
def test_to_refuses_what_tensors_cannot_hold(dtype, backend: Backend):
    with pytest.raises(TypeError, match="tensors hold booleans, integers and floats .* got dtype"):
        Tensor([1.0], device=backend.device).to(dtype)


@pytest.mark.parametrize("dtype", ["int32", bool, np.uint8])
def test_modules_refuse_dtypes_without_fractions(dtype):
    layer = nn.Linear(2, 1)
    before = layer.weight.tolist()
    with pytest.raises(TypeError, match="Linear.to: parameters hold floats; got dtype"):
        layer.to(dtype)
    assert layer.weight.tolist() == before and layer.weight.dtype == np.float32


@pytest.mark.parametrize("index", [[[-1]], [[2]], [[0, -2]]])
def test_gather_counts_from_the_front_only(index, backend: Backend):
    x = Tensor([[1.0, 2.0]], device=backend.device)
    places = np.array(index)
    with pytest.raises(IndexError, match=f"gather: the index must hold positions from 0 to 1 along dimension 1; got "
                                         f"{places.min()} to {places.max()}"):
        x.gather(1, Tensor(places, device=backend.device))


def test_gather_takes_small_integers_too(backend: Backend):
    x = Tensor([[1.0, 2.0]], device=backend.device)
    for dtype in (np.int8, np.uint8, np.int32):
        assert x.gather(1, Tensor(np.array([[1, 0]], dtype), device=backend.device)).tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8"])
def test_numbers_of_the_other_byte_order_are_converted(kind, backend: Backend):
    swapped = np.array([1, 2, 3], np.dtype(kind).newbyteorder("S"))
    for x in (Tensor(swapped, device=backend.device), gradcore.as_tensor(swapped, device=backend.device),
              Tensor([1.0, 2.0, 3.0], dtype=swapped.dtype, device=backend.device),
              Tensor([1.0, 2.0, 3.0], device=backend.device).to(swapped.dtype)):
        assert x.dtype.isnative and x.dtype == np.dtype(kind) and (x + x).tolist() == [2, 4, 6]


def test_a_word_among_several_is_a_string():
    optimizer = optim.SGD([gradcore.zeros(2, requires_grad=True)], lr=0.1)
    for given, error, words in ((np.array([1, None]), TypeError, "`anneal_strategy` must be a string; got ndarray"),
                                ("x", ValueError, "must be \"cos\" or \"linear\"; got 'x'")):
        with pytest.raises(error, match=words):
            optim.swa_utils.SWALR(optimizer, 0.1, anneal_strategy=given)
