"""A word language model: an LSTM on a stream of words cut into pieces, its states carried over, weights tied."""
import math

import numpy as np

import torch
import torch.nn as nn
import torch.nn.functional as F


class Corpus(object):
    def __init__(self, words):
        self.word2idx = {}
        ids = [self.word2idx.setdefault(word, len(self.word2idx)) for word in words]
        self.train = torch.tensor(ids).type(torch.int64)


class RNNModel(nn.Module):
    def __init__(self, rnn_type, ntoken, ninp, nhid, nlayers, dropout=0.5, tie_weights=False):
        super(RNNModel, self).__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = getattr(nn, rnn_type)(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            if nhid != ninp:
                raise ValueError('When using the tied flag, nhid must be equal to emsize')
            self.decoder.weight = self.encoder.weight
        self.init_weights()
        self.nhid = nhid
        self.nlayers = nlayers

    def init_weights(self):
        initrange = 0.1
        nn.init.uniform_(self.encoder.weight, -initrange, initrange)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        output = self.drop(output)
        decoded = self.decoder(output)
        decoded = decoded.view(-1, self.ntoken)
        return F.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return (weight.new_zeros(self.nlayers, bsz, self.nhid),
                weight.new_zeros(self.nlayers, bsz, self.nhid))


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    data = data.narrow(0, 0, nbatch * bsz)
    data = data.view(bsz, -1).t().contiguous()
    return data.to(device)


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    data = source[i:i+seq_len]
    target = source[i+1:i+1+seq_len].view(-1)
    return data, target


device = torch.device("cpu")
rng = np.random.default_rng(0)
bptt, bsz, clip, lr = 8, 5, 0.25, 5.0
follows = {"the": ["cat", "dog", "bird"], "cat": ["sees", "runs"], "dog": ["sees", "runs"], "bird": ["sees", "runs"],
           "sees": ["the"], "runs": ["."], ".": ["the"]}
words = ["the"]
while len(words) < 420:
    words.append(str(rng.choice(follows[words[-1]])))
corpus = Corpus(words)
train_data = batchify(corpus.train, bsz)
ntokens = len(corpus.word2idx)
model = RNNModel("LSTM", ntokens, 12, 12, 2, dropout=0.0, tie_weights=True).to(device)
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.uniform(-0.2, 0.2, tuple(p.shape)).astype(np.float32)))
criterion = nn.NLLLoss()

losses = []
for epoch in range(1, 4):
    model.train()
    total_loss = 0.
    hidden = model.init_hidden(bsz)
    for batch, i in enumerate(range(0, train_data.size(0) - 1, bptt)):
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total_loss += loss.item()
        losses.append(loss.item())
result = f"{ntokens} words, perplexity {math.exp(total_loss / (batch + 1)):.2f}"
