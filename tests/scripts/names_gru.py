"""Letters of made-up names, one after the other, by an embedding, a GRU over packed sequences and a linear layer."""
import string

import numpy as np

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence, pad_sequence

all_letters = string.ascii_lowercase
END = len(all_letters)
rng = np.random.default_rng(0)
syllables = ["ma", "ri", "lo", "ne", "ka", "to", "sen", "vi"]
names = ["".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(60)]


class CharRNN(nn.Module):
    def __init__(self, size, hidden_size, n_layers=2):
        super(CharRNN, self).__init__()
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.encoder = nn.Embedding(size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, n_layers, dropout=0.0)
        self.decoder = nn.Linear(hidden_size, size)

    def forward(self, input, hidden=None):
        packed = pack_sequence([self.encoder(line) for line in input], enforce_sorted=False)
        output, hidden = self.gru(packed, hidden)
        output, lengths = pad_packed_sequence(output)
        return self.decoder(output), hidden, lengths

    def init_hidden(self, batch_size):
        return torch.zeros(self.n_layers, batch_size, self.hidden_size)


def to_tensor(line):
    return torch.tensor([all_letters.index(letter) for letter in line], dtype=torch.long)


model = CharRNN(END + 1, 16)
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.uniform(-0.25, 0.25, tuple(p.shape)).astype(np.float32)))
criterion = nn.CrossEntropyLoss(ignore_index=-1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

losses = []
for epoch in range(4):
    for start in range(0, 60, 10):
        lines = names[start:start + 10]
        inputs = [to_tensor(line) for line in lines]
        targets = pad_sequence([torch.cat([line[1:], torch.tensor([END])]) for line in inputs], padding_value=-1)
        model.zero_grad()
        output, hidden, lengths = model(inputs, model.init_hidden(len(lines)))
        loss = criterion(output.view(-1, END + 1), targets.view(-1))
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())

model.eval()
with torch.no_grad():
    letter, hidden, name = to_tensor("m"), None, "m"
    while len(name) < 12:
        output, hidden, _ = model([letter], hidden)
        topv, topi = output[-1, 0].topk(1)
        if topi.item() == END:
            break
        name += all_letters[topi.item()]
        letter = topi.view(1)
result = name
