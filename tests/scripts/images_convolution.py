"""A small convolutional net, with batch normalisation and pools, that tells pictures of ten kinds apart."""
import numpy as np

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, 1)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2, 2)
        self.dropout = nn.Dropout2d(0.0)
        self.fc1 = nn.Linear(8 * 5 * 5, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = self.pool(F.relu(self.bn(self.conv2(x)), inplace=True))
        x = self.dropout(x)
        x = x.view(-1, 8 * 5 * 5)
        x = F.relu(self.fc1(x))
        return self.fc2(x)


rng = np.random.default_rng(0)
targets = rng.integers(0, 10, 128)
rows, columns = np.mgrid[:12, :12]
centre = 2 + targets[:, None, None]
images = np.exp(-((rows - centre) ** 2 + (columns - 13 + centre) ** 2) / 8) + 0.1 * rng.normal(size=(128, 12, 12))
dataset = TensorDataset(torch.from_numpy(images.astype(np.float32)).unsqueeze(1), torch.from_numpy(targets))
trainloader = DataLoader(dataset, batch_size=16, shuffle=False, drop_last=True)

net = Net()
with torch.no_grad():
    for p in net.parameters():
        if p.dim() > 1:
            p.copy_(torch.from_numpy(rng.uniform(-0.2, 0.2, tuple(p.shape)).astype(np.float32)))
        else:
            nn.init.constant_(p, 0.1)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4, nesterov=True)

losses = []
for epoch in range(3):
    for i, data in enumerate(trainloader, 0):
        inputs, labels = data
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

net.eval()
with torch.no_grad():
    outputs = net(dataset.tensors[0])
    _, predicted = torch.max(outputs.data, 1)
    correct = (predicted == dataset.tensors[1]).sum().item()
losses.append(criterion(outputs, dataset.tensors[1]).item())
result = f"accuracy {correct / 128:.3f}"
