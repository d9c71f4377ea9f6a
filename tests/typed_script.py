"""What a user writes, for `mypy --strict`."""

import gradcore
from gradcore import nn, optim
from gradcore.utils.data import DataLoader, TensorDataset
import gradcore.nn.functional as F


@gradcore.elementwise
def bent(xp: object, x: gradcore.Tensor) -> gradcore.Tensor:
    return x * 2.0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 2)

    def forward(self, x: gradcore.Tensor) -> gradcore.Tensor:
        scores: gradcore.Tensor = self.second(F.relu(self.first(x)))
        return scores


def train(x: gradcore.Tensor, y: gradcore.Tensor) -> float:
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    loss = gradcore.zeros(1)
    for inputs, targets in DataLoader(TensorDataset(x, y), batch_size=2):
        loss = F.cross_entropy(model(inputs), targets) + bent(inputs).mean() * 0.0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z = (x + 1.0) @ x.T - x.exp().sum(dim=0, keepdim=True)
    return float(loss.item() + z.mean().item())
