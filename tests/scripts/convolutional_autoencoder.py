"""A variational autoencoder of convolutions and transposed ones, with the losses as modules."""
import numpy as np

import torch
from torch import nn

noise = np.random.default_rng(1)


class ConvVAE(nn.Module):
    def __init__(self, channels=4, latent=3):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1),
            nn.GroupNorm(2, channels),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.to_moments = nn.Linear(2 * channels * 4, 2 * latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 2 * channels * 4),
            nn.Unflatten(1, (2 * channels, 2, 2)),
            nn.ConvTranspose2d(2 * channels, channels, 3, stride=2, padding=1, output_padding=1),
            nn.ELU(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(channels, 1, 3, padding="same"),
        )

    def forward(self, x):
        mean, log_variance = self.to_moments(self.encoder(x)).chunk(2, dim=1)
        eps = torch.from_numpy(noise.normal(size=tuple(mean.shape)).astype(np.float32))
        z = mean + eps * torch.exp(log_variance / 2)
        return self.decoder(z), mean, log_variance


rng = np.random.default_rng(0)
pictures = torch.tensor((rng.random((40, 1, 8, 8)) < 0.3).astype(np.float32))
model = ConvVAE()
for module in model.modules():
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        with torch.no_grad():
            module.weight.copy_(torch.tensor(rng.uniform(-0.3, 0.3, tuple(module.weight.shape)).astype(np.float32)))
        nn.init.zeros_(module.bias)
criterion = nn.BCEWithLogitsLoss(reduction="sum", pos_weight=torch.tensor([2.0]))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

losses = []
for step in range(24):
    batch = pictures[step % 4 * 10:][:10]
    logits, mean, log_variance = model(batch)
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    loss = (criterion(logits, batch) + divergence) / len(batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
result = f"{sum(p.numel() for p in model.parameters() if p.requires_grad)} parameters"
