"""A user-defined loss is one row formula: for ordered classes, the squared distance of the prediction.

With p = softmax(scores) it is the sum of p_k (k - target)², the expected squared distance.  Cross entropy learns the
most frequent class instead, regardless of the distance of others.
"""

from __future__ import annotations

import gradcore
from gradcore import nn, optim
from gradcore.backends import Expression, RowNamespace
from gradcore.functions import cross_entropy

from .study import Bar, Findings

STEPS = 400
_CLASSES, _SAMPLES = 9, 600


@gradcore.rowwise
def expected_distance(xp: RowNamespace, scores: Expression, target: Expression) -> Expression:
    """The sum of p_k (k - target)² with p = softmax(scores), for the class `target` of each row."""
    e = xp.exp(scores - xp.stop_gradient(xp.max(scores)))
    return xp.sum(e * xp.square(xp.position - target)) / xp.sum(e)


def _distance_loss(scores: gradcore.Tensor, target: gradcore.Tensor) -> gradcore.Tensor:
    return expected_distance(scores, target.unsqueeze(1)).mean()


def _samples(device: gradcore.Device) -> tuple[gradcore.Tensor, gradcore.Tensor]:
    """Positions and their classes, two fifths of which are four too high."""
    x = gradcore.rand(_SAMPLES, 1) * 6 - 3
    classes = (2 + 2 * gradcore.sin(x[:, 0])).round() + 4 * gradcore.bernoulli(gradcore.full((_SAMPLES,), 0.4))
    return x.to(device), classes.long().to(device)


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train with both losses, and measure the distance of predictions."""
    gradcore.gradcheck(lambda scores: expected_distance(scores, gradcore.tensor([[0], [2]], device=device)),
                       gradcore.randn(2, 3, dtype=gradcore.float64, device=device, requires_grad=True))
    (x, y), (new_x, new_y) = _samples(device), _samples(device)
    curves: dict[str, list[float]] = {}
    for name, loss_of in (("cross entropy", cross_entropy), ("expected distance", _distance_loss)):
        gradcore.manual_seed(2)
        model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, _CLASSES)).to(device)
        optimizer = optim.Adam(model.parameters(), lr=0.02)
        curves[name] = []
        for _ in bar(range(steps), name):
            loss = loss_of(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with gradcore.no_grad():
                guesses = model(new_x).argmax(dim=1)
                curves[name].append((guesses - new_y).float().square().mean().item())
    measures = {name: curve[-1] for name, curve in curves.items()}
    sentences = ["the gradient of the row formula agrees with differences",
                 *[f"{name}: the mean squared distance of its guesses is {distance:.2f}"
                   for name, distance in measures.items()]]
    return Findings(sentences, measures, list(range(1, steps + 1)), curves, "step", "mean squared distance")
