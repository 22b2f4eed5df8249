"""Writes two networks 64-200-10 for each activation, trained from different seeds on the first 100 digits with cross-entropy:
relu-a.npz, relu-b.npz, sigmoid-a.npz, sigmoid-b.npz; and two relu networks 64-1800-10 on all 1,797, wide-a.npz, wide-b.npz. State
dicts, in float32. Run in this folder with PyTorch (python3-torch of
Debian 12); numbers may differ in the last places elsewhere."""
import gzip

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
images = np.frombuffer(gzip.open("../../digits/data/images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 64)
labels = np.frombuffer(gzip.open("../../digits/data/labels-idx1-ubyte.gz").read()[8:], np.uint8)
x, y = torch.tensor(images / np.float32(16)), torch.tensor(labels.astype(np.int64))
for name, function, units, count, rate, steps in [("relu", nn.ReLU(), 200, 100, 0.003, 150), ("sigmoid", nn.Sigmoid(), 200, 100, 0.01, 300),
                                                  ("wide", nn.ReLU(), 1800, 1797, 0.001, 150)]:
    for seed, which in (1, "a"), (2, "b"):
        torch.manual_seed(seed)
        net = nn.Sequential()
        net.add_module("fc1", nn.Linear(64, units))
        net.add_module("f", function)
        net.add_module("fc2", nn.Linear(units, 10))
        optimizer = torch.optim.Adam(net.parameters(), rate)
        for step in range(steps):
            loss = nn.functional.cross_entropy(net(x[:count]), y[:count], reduction="sum")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(name, which, loss.item())
        np.savez_compressed(f"{name}-{which}.npz", **{key: v.numpy() for key, v in net.state_dict().items()})
