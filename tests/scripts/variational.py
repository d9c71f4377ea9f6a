"""A variational autoencoder of linear layers on binary pictures."""
import numpy as np

import torch
import torch.utils.data
from torch import nn, optim
from torch.nn import functional as F

noise = np.random.default_rng(3)


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(64, 40)
        self.fc21 = nn.Linear(40, 4)
        self.fc22 = nn.Linear(40, 4)
        self.fc3 = nn.Linear(4, 40)
        self.fc4 = nn.Linear(40, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.from_numpy(noise.normal(size=tuple(std.shape)).astype(np.float32))
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 64))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 64), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


device = torch.device("cpu")
rng = np.random.default_rng(0)
pictures = torch.tensor((rng.random((200, 1, 8, 8)) < 0.3).astype(np.float32))
train_loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(pictures), batch_size=50, shuffle=False)
model = VAE().to(device)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(torch.tensor(rng.uniform(-0.2, 0.2, tuple(parameter.shape)).astype(np.float32)))
optimizer = optim.Adam(model.parameters(), lr=1e-3)

losses = []
model.train()
for epoch in range(1, 6):
    train_loss = 0
    for batch_idx, (data,) in enumerate(train_loader):
        data = data.to(device)
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
        losses.append(loss.item() / len(data))
result = f"average loss {train_loss / len(train_loader.dataset):.3f}"
