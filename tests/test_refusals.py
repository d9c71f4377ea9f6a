"""Options and shapes that make no sense, function by function: the words name the function and what came in."""

from __future__ import annotations

import re

import pytest

import gradcore
from gradcore import Tensor, functions, linalg, nn, optim
from gradcore.functions import (batch_norm, conv1d, conv_transpose1d, ctc_loss, group_norm, instance_norm, interpolate,
                                max_pool1d, smooth_l1_loss, triplet_margin_loss)
from gradcore.nn import functional, init
from gradcore.optim import lr_scheduler
from gradcore.utils import data


def _zeros(*shape: int) -> Tensor:
    return gradcore.zeros(shape)


def _sgd(**options: float) -> optim.Optimizer:
    return optim.SGD([_zeros(2).requires_grad_()], **options)


def _log_probs() -> Tensor:
    return functions.log_softmax(_zeros(4, 1, 3), 2)


CASES = [
    # functions
    (lambda: conv_transpose1d(_zeros(1, 3, 5), _zeros(3, 2, 2), groups=2), ValueError, "conv_transpose1d.*2 groups"),
    (lambda: conv1d(_zeros(1, 3, 5), _zeros(4, 3, 2), groups=3), ValueError, "conv1d.*3 groups"),
    (lambda: conv_transpose1d(_zeros(1, 3, 1), _zeros(3, 2, 1), padding=1), ValueError,
     "conv_transpose1d: nothing is left of an input"),
    (lambda: conv1d(_zeros(1, 3, 5), _zeros(4, 3)), ValueError, r"weight must have 3 dimensions; got shape \(4, 3\)"),
    (lambda: conv1d(_zeros(1, 3, 5), _zeros(4, 3, 2), groups=0), ValueError, "`groups` must be .* got 0"),
    (lambda: conv1d(_zeros(1, 3, 5), _zeros(4, 3, 2), _zeros(5)), ValueError, r"bias must have shape \(4,\)"),
    (lambda: ctc_loss(_log_probs(), gradcore.tensor([[1]]), gradcore.tensor([5]), gradcore.tensor([1])), ValueError,
     r"ctc_loss: lengths must be from 0 to 4 times; got \[5\]"),
    (lambda: ctc_loss(_log_probs(), gradcore.tensor([[1]]), gradcore.tensor([4]), gradcore.tensor([1]), blank=3),
     ValueError, "`blank` must be one of the 3 labels; got 3"),
    (lambda: ctc_loss(_log_probs(), Tensor([[1.0]]), gradcore.tensor([4]), gradcore.tensor([1])), ValueError,
     "labels are integers; got float32"),
    (lambda: ctc_loss(_zeros(4, 2, 3), gradcore.tensor([1]), gradcore.tensor([4, 4]), gradcore.tensor([1, 1])),
     ValueError, "2 labels are needed .*; got 1"),
    (lambda: ctc_loss(_log_probs(), gradcore.tensor([[1]]), gradcore.tensor([4]), gradcore.tensor([2])), ValueError,
     "S of at least 2"),
    (lambda: batch_norm(_zeros(2, 3), None, None), ValueError, "batch_norm: in evaluation it needs"),
    (lambda: instance_norm(_zeros(2, 3, 1)), ValueError, r"instance_norm: .*more than one element; got shape"),
    (lambda: group_norm(_zeros(2, 3), 2), ValueError, r"the 3 channel\(s\) are not divisible into 2 groups"),
    (lambda: max_pool1d(_zeros(1, 1, 5), 2, padding=2), ValueError, "max_pool1d: `padding` must be at most half"),
    (lambda: smooth_l1_loss(_zeros(2), _zeros(2), beta=-1.0), ValueError, "smooth_l1_loss: `beta` .*got -1.0"),
    (lambda: triplet_margin_loss(_zeros(2, 2), _zeros(2, 2), _zeros(2)), ValueError, "triplet_margin_loss: anchor"),
    (lambda: interpolate(_zeros(1, 1, 2), 4, mode="bicubic"), ValueError, "interpolate: `mode` must be one of"),
    (lambda: interpolate(_zeros(1, 1, 2), 4, align_corners=True), ValueError, "no meaning for mode 'nearest'"),
    (lambda: interpolate(_zeros(1, 1, 2), 4, scale_factor=2), ValueError, "one of them; got 4 and 2"),
    (lambda: interpolate(_zeros(1, 1, 2), scale_factor=0.1), ValueError, "nothing is left of shape"),
    (lambda: interpolate(_zeros(1, 1, 2, 2), 4, mode="bilinear", antialias=True), NotImplementedError, "antialias"),
    (lambda: functions.pixel_unshuffle(_zeros(1, 1, 3, 4), 2), ValueError, "multiples of 2; got shape"),
    (lambda: functional.one_hot(Tensor([1.0])), TypeError, "one_hot: it takes integers; got float32"),
    # modules
    (lambda: nn.Softmax2d()(_zeros(2, 2)), ValueError, r"Softmax2d: .*3 or 4 dimensions; got shape \(2, 2\)"),
    (lambda: nn.Embedding(3, 2, _weight=_zeros(2, 3)), ValueError, r"Embedding: the weight must have shape \(3, 2\)"),
    (lambda: nn.Embedding.from_pretrained(_zeros(3)), ValueError, r"shape \(n, d\) are needed; got \(3,\)"),
    (lambda: nn.HuberLoss(delta=0.0), ValueError, "HuberLoss: `delta` must be above 0; got 0.0"),
    (lambda: nn.MultiMarginLoss(p=3), ValueError, "MultiMarginLoss: `p` must be 1 or 2; got 3"),
    (lambda: nn.TripletMarginLoss(margin=0.0), ValueError, "TripletMarginLoss: `margin` must be above 0"),
    (lambda: nn.RNN(3, 4)(_zeros(0, 1, 3)), ValueError, "RNN: the input must have one time and one sample at least"),
    (lambda: nn.GRUCell(3, 4)(_zeros(2, 3), _zeros(2, 5)), ValueError, r"states must be .*\(2, 4\)"),
    (lambda: nn.utils.rnn.pad_sequence([_zeros(2)], padding_side="top"), ValueError, "`padding_side`.*got 'top'"),
    (lambda: nn.Linear(1, 1).get_parameter("nothing"), AttributeError, "Linear has no parameter 'nothing'"),
    (lambda: init.normal_(_zeros(2), std=-1.0), ValueError, "init.normal_: `std` must be at least 0; got -1.0"),
    (lambda: init.trunc_normal_(_zeros(2), a=1.0, b=0.0), ValueError, "init.trunc_normal_: .*bounds in order"),
    (lambda: init.trunc_normal_(_zeros(2), a=50.0, b=51.0), ValueError, "hardly a draw lies between 50.0 and 51.0"),
    (lambda: init.dirac_(_zeros(3, 2, 1), groups=2), ValueError, "init.dirac_: the 3 output channel"),
    # operations
    (lambda: linalg.matrix_norm(_zeros(2, 2), dim=(0,)), (TypeError, ValueError), "matrix_norm"),
    (lambda: linalg.norm(_zeros(2), ord="nuc"), ValueError, "norm: `ord` 'nuc' is for matrices"),
    (lambda: gradcore.einsum(_zeros(2, 2), "ij"), TypeError, "einsum"),
    (lambda: gradcore.einsum("ii", _zeros(1, 3)), ValueError, "the diagonal ii needs two dimensions of one length"),
    (lambda: gradcore.bmm(_zeros(2, 2, 2), _zeros(3, 2, 2)), ValueError, "bmm needs as many matrices in both stacks"),
    (lambda: gradcore.tensordot(_zeros(2), _zeros(2), dims=2), ValueError, "tensordot: dims must be from 0 to 1"),
    (lambda: gradcore.multinomial(Tensor([1.0, 1.0]), 3), ValueError, "multinomial: 3 category.*are needed"),
    (lambda: gradcore.quantile(_zeros(0), 0.5), ValueError, r"quantile of no elements: .*shape \(0,\)"),
    (lambda: functional.bilinear(_zeros(1, 2), _zeros(1, 3), _zeros(4, 2, 2)), ValueError, "bilinear needs inputs"),
    # optimizers and schedules
    (lambda: optim.Adadelta([_zeros(2)], rho=2.0), ValueError, "`rho` must be at most 1; got 2.0"),
    (lambda: lr_scheduler.StepLR(_zeros(2), 1), TypeError, "StepLR: `optimizer` must be an Optimizer; got Tensor"),
    (lambda: lr_scheduler.ConstantLR(_sgd(), factor=2.0), ValueError, "ConstantLR: `factor`.*got 2.0"),
    (lambda: lr_scheduler.CosineAnnealingWarmRestarts(_sgd(), T_0=0), ValueError, "`T_0` and `T_mult`.*got 0"),
    (lambda: lr_scheduler.ReduceLROnPlateau(_sgd(), factor=1.0), ValueError, "`factor` must be less than 1; got 1.0"),
    (lambda: lr_scheduler.OneCycleLR(_sgd(), [0.1, 0.2], 5), ValueError, "`max_lr` must be a number or 1 of them"),
    (lambda: lr_scheduler.OneCycleLR(optim.Adagrad([_zeros(2)]), 0.1, 5), ValueError,
     "has no momentum; pass cycle_momentum=False"),
    (lambda: _sgd().load_state_dict({"state": {3: {}}, "param_groups": _sgd().state_dict()["param_groups"]}),
     ValueError, "there is no parameter 3"),
    # data
    (lambda: data.ConcatDataset([]), ValueError, "ConcatDataset takes at least one data set"),
    (lambda: data.random_split([1, 2, 3], [1.5, -0.5]), ValueError, "random_split: shares lie between 0 and 1"),
    (lambda: data.BatchSampler(range(3), 0, False), ValueError, "at least one sample; got batch_size=0"),
]


@pytest.mark.parametrize("call, error, words", CASES, ids=[words for _, _, words in CASES])
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert re.search(words, str(caught.value)), str(caught.value)
