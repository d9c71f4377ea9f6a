"""Small images made by a generator of transposed convolutions, against a discriminator of convolutions."""
import argparse

import numpy as np

import torch
import torch.nn as nn
import torch.nn.parallel
import torch.optim as optim
import torch.utils.data

parser = argparse.ArgumentParser()
parser.add_argument("--batchSize", type=int, default=16, help="input batch size")
parser.add_argument("--nz", type=int, default=12, help="size of the latent z vector")
parser.add_argument("--ngf", type=int, default=6)
parser.add_argument("--ndf", type=int, default=6)
parser.add_argument("--niter", type=int, default=3, help="number of epochs to train for")
parser.add_argument("--lr", type=float, default=0.0002, help="learning rate, default=0.0002")
parser.add_argument("--beta1", type=float, default=0.5, help="beta1 for adam. default=0.5")
opt = parser.parse_args([])

rng = np.random.default_rng(0)
nz, ngf, ndf, nc = int(opt.nz), int(opt.ngf), int(opt.ndf), 1
device = torch.device("cpu")
real_label = 1
fake_label = 0


class Rings(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        rows, columns = np.mgrid[:16, :16] - 7.5
        radius = 3 + index % 4
        ring = np.exp(-(np.hypot(rows, columns) - radius) ** 2)
        return torch.from_numpy((2 * ring - 1).astype(np.float32))[None], 0


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        draw = rng.normal(0.0, 0.02, tuple(m.weight.shape))
        m.weight.data.copy_(torch.from_numpy(draw.astype(np.float32)))
    elif classname.find("BatchNorm") != -1:
        draw = rng.normal(1.0, 0.02, tuple(m.weight.shape))
        m.weight.data.copy_(torch.from_numpy(draw.astype(np.float32)))
        torch.nn.init.zeros_(m.bias)


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
            nn.Tanh()
        )

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()
        self.main = nn.Sequential(
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 4, 1, 0, bias=False),
            nn.Sigmoid()
        )

    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)


netG = Generator().to(device)
netG.apply(weights_init)
netD = Discriminator().to(device)
netD.apply(weights_init)
criterion = nn.BCELoss()
optimizerD = optim.Adam(netD.parameters(), lr=opt.lr, betas=(opt.beta1, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=opt.lr, betas=(opt.beta1, 0.999))
dataloader = torch.utils.data.DataLoader(Rings(), batch_size=opt.batchSize, shuffle=False, num_workers=0)

losses = []
for epoch in range(opt.niter):
    for i, data in enumerate(dataloader, 0):
        netD.zero_grad()
        real_cpu = data[0].to(device)
        batch_size = real_cpu.size(0)
        label = torch.full((batch_size,), real_label, dtype=real_cpu.dtype, device=device)
        output = netD(real_cpu)
        errD_real = criterion(output, label)
        errD_real.backward()
        D_x = output.mean().item()

        noise = torch.from_numpy(rng.normal(size=(batch_size, nz, 1, 1)).astype(np.float32)).to(device)
        fake = netG(noise)
        label.fill_(fake_label)
        output = netD(fake.detach())
        errD_fake = criterion(output, label)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()

        netG.zero_grad()
        label.fill_(real_label)
        output = netD(fake)
        errG = criterion(output, label)
        errG.backward()
        D_G_z2 = output.mean().item()
        optimizerG.step()
        losses += [errD.item(), errG.item()]
result = f"{len(losses)} D(x): {D_x:.4f} D(G(z)): {D_G_z2:.4f}"
