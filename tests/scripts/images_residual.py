"""Images of five classes by a residual network: momentum, one cycle of rates, smoothed labels, the best checkpoint."""
import copy
import os
import tempfile

import numpy as np

import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset


def conv3x3(in_planes, out_planes, stride=1):
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, block, layers, num_classes=5):
        super().__init__()
        self.inplanes = 8
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=5, stride=2, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 8, layers[0])
        self.layer2 = self._make_layer(block, 16, layers[1], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16 * block.expansion, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, planes * block.expansion, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(planes * block.expansion),
            )
        layers = [block(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        x = torch.flatten(self.avgpool(x), 1)
        return self.fc(x)


def stripes(count):
    labels = rng.integers(0, 5, count)
    rows, columns = np.mgrid[:20, :20]
    angles = np.pi * labels / 5
    waves = np.sin(0.9 * (np.cos(angles)[:, None, None] * rows + np.sin(angles)[:, None, None] * columns))
    images = waves[:, None] * rng.uniform(0.5, 1.0, (count, 3, 1, 1)) + 0.3 * rng.normal(size=(count, 3, 20, 20))
    return TensorDataset(torch.tensor(images, dtype=torch.float32), torch.tensor(labels))


rng = np.random.default_rng(0)
torch.manual_seed(0)
dataloaders = {"train": DataLoader(stripes(80), batch_size=16), "val": DataLoader(stripes(40), batch_size=20)}
dataset_sizes = {phase: len(loader.dataset) for phase, loader in dataloaders.items()}
device = torch.device("cpu")
model = ResNet(BasicBlock, [1, 2]).to(device)
with torch.no_grad():
    for name, p in model.named_parameters():
        if p.dim() > 1:
            scale = (2.0 / p[0].numel()) ** 0.5
            p.copy_(torch.from_numpy((scale * rng.normal(size=tuple(p.shape))).astype(np.float32)))
    model.fc.bias.zero_()

criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
decay, no_decay = [], []
for name, param in model.named_parameters():
    (no_decay if param.ndim <= 1 or name.endswith(".bias") else decay).append(param)
optimizer = optim.SGD([{"params": decay, "weight_decay": 5e-4}, {"params": no_decay, "weight_decay": 0.0}], lr=0.01,
                      momentum=0.9, nesterov=True)
epochs = 4
scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, epochs=epochs, steps_per_epoch=len(dataloaders["train"]))

losses = []
best_acc = 0.0
with tempfile.TemporaryDirectory() as tempdir:
    best_model_params_path = os.path.join(tempdir, "best_model_params.pt")
    torch.save(model.state_dict(), best_model_params_path)
    for epoch in range(epochs):
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()
            running_loss = 0.0
            running_corrects = 0
            for inputs, labels in dataloaders[phase]:
                inputs = inputs.to(device)
                labels = labels.to(device)
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    _, preds = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
                        optimizer.step()
                        scheduler.step()
                        losses.append(loss.item())
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data)
            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]
            losses.append(epoch_loss)
            if phase == "val" and epoch_acc > best_acc:
                best_acc = epoch_acc
                best = copy.deepcopy(model.state_dict())
                torch.save(model.state_dict(), best_model_params_path)
    model.load_state_dict(torch.load(best_model_params_path, weights_only=True))
same = all(torch.equal(best[name], value) for name, value in model.state_dict().items())
result = f"{same}-{scheduler.get_last_lr()[0]:.2e} {float(best_acc):.3f}"
