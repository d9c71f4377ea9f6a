"""Images of ten classes, in batches of a DataLoader, learned by an MLP with Adadelta and StepLR, and tested."""
import argparse

import numpy as np

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class Blobs(Dataset):
    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.targets = rng.integers(0, 10, count)
        rows, columns = np.mgrid[:12, :12]
        centre = 2 + self.targets[:, None, None]
        clean = np.exp(-((rows - centre) ** 2 + (columns - 13 + centre) ** 2) / 8)
        self.images = (clean + 0.1 * rng.normal(size=clean.shape)).astype(np.float32)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return torch.from_numpy(self.images[index]).unsqueeze(0), int(self.targets[index])


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.dropout1 = nn.Dropout(0.0)
        self.fc1 = nn.Linear(144, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.flatten(x, 1)
        x = self.fc1(x)
        x = F.relu(x)
        x = self.dropout1(x)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    test_loss /= len(test_loader.dataset)
    losses.append(test_loss)
    return f"accuracy {correct}/{len(test_loader.dataset)}"


parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--lr", type=float, default=1.0)
parser.add_argument("--gamma", type=float, default=0.7)
parser.add_argument("--no-accel", action="store_true", default=True)
args = parser.parse_args([])
use_accel = not args.no_accel and torch.accelerator.is_available()
device = torch.accelerator.current_accelerator() if use_accel else torch.device("cpu")
torch.manual_seed(1)

losses = []
train_loader = DataLoader(Blobs(160, 0), batch_size=args.batch_size, num_workers=0, pin_memory=False, shuffle=False)
test_loader = torch.utils.data.DataLoader(Blobs(100, 1), batch_size=50)
model = Net().to(device)
rng = np.random.default_rng(2)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(torch.from_numpy(rng.uniform(-0.1, 0.1, tuple(parameter.shape)).astype(np.float32)))
optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
for epoch in range(1, 5):
    train(args, model, device, train_loader, optimizer, epoch)
    result = test(model, device, test_loader)
    scheduler.step()
