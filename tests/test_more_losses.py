"""Losses with weights, margins and options drawn at random, functions and modules, beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn
from gradcore.backends import Backend
from beside_torch import compare

REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def _signs(rng: np.random.Generator, shape: tuple) -> np.ndarray:
    return np.where(rng.random(shape) < 0.5, 1, -1)


# The name of the loss, what makes its options, and what makes its inputs; integers and what no gradient is wanted of
# come as integers.
CASES = {
    "mse_loss": (lambda rng: {}, lambda rng: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))]),
    "l1_loss": (lambda rng: {}, lambda rng: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))]),
    "smooth_l1_loss": (lambda rng: {"beta": float(rng.uniform(0, 2))},
                       lambda rng: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))]),
    "huber_loss": (lambda rng: {"delta": float(rng.uniform(0.2, 2))},
                   lambda rng: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))]),
    "kl_div": (lambda rng: {"log_target": bool(rng.random() < 0.5)},
               lambda rng: [rng.normal(size=(4, 3)), rng.uniform(0.1, 1, (4, 3))]),
    "poisson_nll_loss": (lambda rng: {"log_input": bool(rng.random() < 0.5), "full": bool(rng.random() < 0.5)},
                         lambda rng: [rng.uniform(0.1, 2, (4, 3)), rng.integers(0, 5, (4, 3))]),
    "gaussian_nll_loss": (lambda rng: {"full": bool(rng.random() < 0.5)},
                          lambda rng: [rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.1, 1, (4, 3))]),
    "soft_margin_loss": (lambda rng: {}, lambda rng: [rng.normal(size=(4, 3)), _signs(rng, (4, 3))]),
    "hinge_embedding_loss": (lambda rng: {"margin": float(rng.uniform(0.5, 2))},
                             lambda rng: [rng.uniform(0, 2, (4, 3)), _signs(rng, (4, 3))]),
    "margin_ranking_loss": (lambda rng: {"margin": float(rng.uniform(0, 1))},
                            lambda rng: [rng.normal(size=5), rng.normal(size=5), _signs(rng, (5,))]),
    "triplet_margin_loss": (lambda rng: {"margin": float(rng.uniform(0.5, 2)), "swap": bool(rng.random() < 0.5),
                                         "p": float(rng.choice([1, 2, 3]))},
                            lambda rng: [rng.normal(size=(5, 4)) for _ in range(3)]),
    "triplet_margin_with_distance_loss": (lambda rng: {"margin": 2.0, "swap": True},
                                          lambda rng: [rng.normal(size=(5, 4)) for _ in range(3)]),
    "cosine_embedding_loss": (lambda rng: {"margin": float(rng.uniform(-0.5, 0.5))},
                              lambda rng: [rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), _signs(rng, (5,))]),
    "multi_margin_loss": (lambda rng: {"p": int(rng.integers(1, 3)), "margin": float(rng.uniform(0.5, 2))},
                          lambda rng: [rng.normal(size=(5, 4)), rng.integers(0, 4, 5)]),
    "multilabel_soft_margin_loss": (lambda rng: {}, lambda rng: [rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4))]),
    "multilabel_margin_loss": (lambda rng: {}, lambda rng: [rng.normal(size=(4, 3)), np.array(
        [[0, 2, -1], [-1, 1, 1], [2, 0, 1], [1, -1, 0]])]),
    "binary_cross_entropy_with_logits": (lambda rng: {}, lambda rng: [rng.normal(size=(5, 4)), rng.random((5, 4))]),
}
MODULES = {"mse_loss": "MSELoss", "l1_loss": "L1Loss", "smooth_l1_loss": "SmoothL1Loss", "huber_loss": "HuberLoss",
           "kl_div": "KLDivLoss", "poisson_nll_loss": "PoissonNLLLoss", "gaussian_nll_loss": "GaussianNLLLoss",
           "soft_margin_loss": "SoftMarginLoss", "hinge_embedding_loss": "HingeEmbeddingLoss",
           "margin_ranking_loss": "MarginRankingLoss", "triplet_margin_loss": "TripletMarginLoss",
           "triplet_margin_with_distance_loss": "TripletMarginWithDistanceLoss",
           "cosine_embedding_loss": "CosineEmbeddingLoss", "multi_margin_loss": "MultiMarginLoss",
           "multilabel_soft_margin_loss": "MultiLabelSoftMarginLoss",
           "multilabel_margin_loss": "MultiLabelMarginLoss", "binary_cross_entropy_with_logits": "BCEWithLogitsLoss"}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@REDUCTIONS
@pytest.mark.parametrize("name", CASES)
def test_losses(name, reduction, torch, backend: Backend, rng):
    options, inputs = [make(rng) for make in CASES[name]]
    options["reduction"] = reduction
    compare(torch, lambda *args: getattr(nn.functional, name)(*args, **options),
            lambda *args: getattr(torch.nn.functional, name)(*args, **options), inputs, backend.device, rng,
            tolerance=1e-7)
    module = getattr(nn, MODULES[name])(**options)
    tensors = [gradcore.tensor(array, device=backend.device) for array in inputs]
    np.testing.assert_array_equal(module(*tensors).numpy(), getattr(nn.functional, name)(*tensors, **options).numpy())


@REDUCTIONS
@pytest.mark.parametrize("name, shape", [
    ("mse_loss", (4, 3)), ("l1_loss", (4, 3)), ("huber_loss", (4, 3)), ("binary_cross_entropy", (4, 3)),
    ("binary_cross_entropy", (3,)), ("binary_cross_entropy_with_logits", (3,)), ("multilabel_soft_margin_loss", (4, 3)),
    ("multi_margin_loss", (3,))])
def test_weights(name, shape, reduction, torch, backend: Backend, rng):
    target = rng.integers(0, 3, 4) if name == "multi_margin_loss" else rng.uniform(0.1, 0.9, (4, 3))
    weight = rng.uniform(0.5, 2, shape)

    def called(library, tensor):
        return lambda x, t: getattr(library, name)(x, t, weight=tensor(weight), reduction=reduction)

    compare(torch, called(nn.functional, lambda w: Tensor(w, device=backend.device)),
            called(torch.nn.functional, torch.tensor), [rng.uniform(0.1, 0.9, (4, 3)), target], backend.device, rng,
            tolerance=1e-7)


@REDUCTIONS
def test_weights_of_the_positive(reduction, torch, backend: Backend, rng):
    name = "binary_cross_entropy_with_logits"
    weights = rng.uniform(0.5, 2, (4, 1)), rng.uniform(0.5, 5, 3)

    def called(library, tensor):
        w, p = map(tensor, weights)
        return lambda x, t: getattr(library, name)(x, t, w, reduction=reduction, pos_weight=p)

    compare(torch, called(nn.functional, lambda w: Tensor(w, device=backend.device)),
            called(torch.nn.functional, torch.tensor), [rng.normal(size=(4, 3)) * 5, rng.uniform(0, 1, (4, 3))],
            backend.device, rng, tolerance=1e-7)
    module = nn.BCEWithLogitsLoss(pos_weight=Tensor([1.0, 2.0, 3.0])).to(backend.device)
    assert module.pos_weight.device == backend.device and list(module.state_dict()) == ["pos_weight"]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [True, False])
@pytest.mark.parametrize("is_flat", [True, False])
def test_ctc(is_flat, zero_infinity, reduction, torch, backend: Backend, rng):
    counts, times = np.array([3, 1, 0, 2]), np.array([7, 6, 4, 5])
    labels = rng.integers(1, 5, (4, 3))
    targets = np.concatenate([row[:n] for row, n in zip(labels, counts)]) if is_flat else labels
    if not zero_infinity:
        times = times + 1
    else:
        times[0] = 2  # too short for three labels
    options = {"reduction": reduction, "zero_infinity": zero_infinity}

    def called(library, tensor):
        return lambda x: library.ctc_loss(library.log_softmax(x, -1), tensor(targets), tensor(times), tensor(counts),
                                          **options)

    compare(torch, called(nn.functional, lambda t: gradcore.tensor(t, device=backend.device)),
            called(torch.nn.functional, torch.tensor), [rng.normal(size=(8, 4, 5))], backend.device, rng,
            tolerance=1e-7)


def test_classes_that_do_not_exist_are_refused():
    with pytest.raises(IndexError, match="MultiLabelMarginLoss: the target must hold indices of classes from 0 to 2"):
        nn.MultiLabelMarginLoss()(Tensor.ones(3), [0, 3, -1])


def test_ctc_of_one_sample_and_of_impossible_labels(torch, backend: Backend, rng):
    labels = np.array([1, 1, 2])
    compare(torch, lambda x: nn.CTCLoss(blank=3)(nn.functional.log_softmax(x, -1),
                                                 gradcore.tensor(labels, device=backend.device), [6], [3]),
            lambda x: torch.nn.CTCLoss(blank=3)(torch.log_softmax(x, -1), torch.tensor(labels), torch.tensor([6]),
                                                torch.tensor([3])), [rng.normal(size=(6, 1, 4))], backend.device, rng)
    x = Tensor(rng.normal(size=(2, 1, 4)), device=backend.device)
    assert nn.functional.ctc_loss(x, [[1, 1]], [2], [2]).item() == np.inf


@pytest.mark.parametrize("words, make", [
    ("mse_loss: predictions and targets must have one shape", lambda F, x: F.mse_loss(x, x[0])),
    ("mse_loss: .*size_average", lambda F, x: F.mse_loss(x, x, True)),
    ("MSELoss: size_average and reduce are deprecated", lambda F, x: nn.MSELoss("sum")),
    ("l1_loss: weights must broadcast to the shape of the input", lambda F, x: F.l1_loss(x, x, weight=x[0, :2])),
    ("huber_loss: `delta` must be above 0", lambda F, x: F.huber_loss(x, x, delta=0)),
    ("kl_div: `reduction` must be one of mean, sum, none; got 'all'", lambda F, x: F.kl_div(x, x, reduction="all")),
    ("KLDivLoss: `reduction` must be", lambda F, x: nn.KLDivLoss(reduction="all")),
    ("gaussian_nll_loss: variances must be at least 0", lambda F, x: F.gaussian_nll_loss(x, x, -x)),
    ("gaussian_nll_loss: `var` must have the shape", lambda F, x: F.gaussian_nll_loss(x, x, x[0])),
    ("triplet_margin_loss: `margin` must be above 0", lambda F, x: F.triplet_margin_loss(x, x, x, margin=0)),
    ("TripletMarginLoss: `margin` must be above 0", lambda F, x: nn.TripletMarginLoss(margin=-1)),
    ("cosine_embedding_loss: two tensors of shape", lambda F, x: F.cosine_embedding_loss(x, x, x)),
    ("multi_margin_loss: `p` is 1 or 2", lambda F, x: F.multi_margin_loss(x, [0, 1], p=3)),
    ("margin_ranking_loss: inputs and target must have", lambda F, x: F.margin_ranking_loss(x, x, x[0])),
    ("ctc_loss: labels must be from 0 to 2; got 5 to 5",
     lambda F, x: F.ctc_loss(x.reshape(2, 1, 3), [[5]], [2], [1])),
    ("ctc_loss: lengths for 1 sample", lambda F, x: F.ctc_loss(x.reshape(2, 1, 3), [[1]], [2, 2], [1])),
    ("one_hot: classes must be from 0 to 1", lambda F, x: F.one_hot(Tensor([2], dtype=int), 2)),
    ("multilabel_margin_loss: scores of shape", lambda F, x: F.multilabel_margin_loss(x, [[0, 1]])),
    ("MultiLabelMarginLoss: `reduction` must be", lambda F, x: nn.MultiLabelMarginLoss(reduction="all"))])
def test_what_means_nothing_is_refused_in_words(words, make):
    with pytest.raises((ValueError, TypeError), match=words):
        make(nn.functional, Tensor.ones(2, 3))
