"""Sentences of three kinds told apart by the mean of their words: EmbeddingBag, offsets, clipped gradients."""
import numpy as np

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.dataset import random_split

rng = np.random.default_rng(0)
topics = [["rain", "wind", "sun", "cloud"], ["goal", "team", "ball", "match"], ["share", "market", "bank", "price"]]
common = ["the", "a", "and", "is", "today"]
vocab = {word: i for i, word in enumerate(["<unk>"] + common + sum(topics, []))}


def sentence():
    label = int(rng.integers(0, 3))
    words = [str(rng.choice(topics[label] if rng.random() < 0.5 else common)) for _ in range(rng.integers(3, 9))]
    return label + 1, " ".join(words)


text_pipeline = lambda x: [vocab.get(word, vocab["<unk>"]) for word in x.split(" ")]  # noqa: E731
label_pipeline = lambda x: int(x) - 1  # noqa: E731
device = torch.device("cpu")


def collate_batch(batch):
    label_list, text_list, offsets = [], [], [0]
    for _label, _text in batch:
        label_list.append(label_pipeline(_label))
        processed_text = torch.tensor(text_pipeline(_text), dtype=torch.int64)
        text_list.append(processed_text)
        offsets.append(processed_text.size(0))
    label_list = torch.tensor(label_list, dtype=torch.int64)
    offsets = torch.tensor(offsets[:-1]).cumsum(dim=0)
    text_list = torch.cat(text_list)
    return label_list.to(device), text_list.to(device), offsets.to(device)


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super(TextClassificationModel, self).__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, sparse=False)
        self.fc = nn.Linear(embed_dim, num_class)
        self.init_weights()

    def init_weights(self):
        initrange = 0.5
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.fc.weight.data.uniform_(-initrange, initrange)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        embedded = self.embedding(text, offsets)
        return self.fc(embedded)


def train(dataloader):
    model.train()
    for label, text, offsets in dataloader:
        optimizer.zero_grad()
        predicted_label = model(text, offsets)
        loss = criterion(predicted_label, label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        losses.append(loss.item())


def evaluate(dataloader):
    model.eval()
    total_acc, total_count = 0, 0
    with torch.no_grad():
        for label, text, offsets in dataloader:
            predicted_label = model(text, offsets)
            total_acc += (predicted_label.argmax(1) == label).sum().item()
            total_count += label.size(0)
    return total_acc / total_count


samples = [sentence() for _ in range(120)]
model = TextClassificationModel(len(vocab), 8, 3).to(device)
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.uniform(-0.5, 0.5, tuple(p.shape)).astype(np.float32)))
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.1)
parts = random_split(samples, [90, 30])  # of which only the sizes are the same in both libraries
num_train = len(parts[0])
train_dataloader = DataLoader(samples[:num_train], batch_size=15, shuffle=False, collate_fn=collate_batch)
valid_dataloader = DataLoader(samples[num_train:], batch_size=15, shuffle=False, collate_fn=collate_batch)

losses = []
total_accu = None
for epoch in range(1, 5):
    train(train_dataloader)
    accu_val = evaluate(valid_dataloader)
    losses.append(accu_val)
    if total_accu is not None and total_accu > accu_val:
        scheduler.step()
    else:
        total_accu = accu_val
result = f"{accu_val:.3f}"
