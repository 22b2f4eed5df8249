"""Writes pairs of networks NAME-a.npz, NAME-b.npz, trained from different seeds on the first digits with cross-entropy:
relu, sigmoid and gelu 64-200-10 on 100 of them; wide, relu 64-1800-10 on all 1,797; three, relu 64-120-120-10 on 60; deep, relu
64-300-300-10 on 300; pyramid, leaky-relu 64-20-14-10 on 40. State dicts, in float32.
fitted-a.npz: leaky-relu 64-9-10 on the first ten digits, one of each class, fitted with the square loss; fitted-b.npz: the same with its
first two units exchanged; fitted-more-a.npz, fitted-more-b.npz: both with a tenth unit that is not used. Run in this folder with PyTorch (python3-torch of
Debian 12); numbers may differ in the last places elsewhere."""
import gzip
import sys

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
images = np.frombuffer(gzip.open("../../digits/data/images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 64)
labels = np.frombuffer(gzip.open("../../digits/data/labels-idx1-ubyte.gz").read()[8:], np.uint8)
x, y = torch.tensor(images / np.float32(16)), torch.tensor(labels.astype(np.int64))
for name, function, widths, count, rate, steps in [("relu", nn.ReLU(), [200], 100, 0.003, 150), ("sigmoid", nn.Sigmoid(), [200], 100, 0.01, 300),
                                                   ("wide", nn.ReLU(), [1800], 1797, 0.001, 150), ("gelu", nn.GELU(), [200], 100, 0.003, 150),
                                                   ("three", nn.ReLU(), [120, 120], 60, 0.003, 100), ("deep", nn.ReLU(), [300, 300], 300, 0.001, 100),
                                                   ("pyramid", nn.LeakyReLU(0.125), [20, 14], 40, 0.01, 400)]:
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        continue
    for seed, which in (1, "a"), (2, "b"):
        torch.manual_seed(seed)
        net = nn.Sequential()
        for l, (below, units) in enumerate(zip([64] + widths, widths + [10]), 1):
            net.add_module(f"fc{l}", nn.Linear(below, units))
            if l <= len(widths):
                net.add_module(f"f{l}", function)
        optimizer = torch.optim.Adam(net.parameters(), rate)
        for step in range(steps):
            loss = nn.functional.cross_entropy(net(x[:count]), y[:count], reduction="sum")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(name, which, loss.item())
        np.savez_compressed(f"{name}-{which}.npz", **{key: v.numpy() for key, v in net.state_dict().items()})
if len(sys.argv) == 1 or "fitted" in sys.argv[1:]:
    torch.manual_seed(1)
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(64, 9))
    net.add_module("f", nn.LeakyReLU(0.125))
    net.add_module("fc2", nn.Linear(9, 10))
    optimizer = torch.optim.Adam(net.parameters(), 0.003)
    for step in range(6000):
        loss = ((net(x[:10]) - torch.eye(10)[y[:10]]) ** 2).sum() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("fitted", loss.item())
    w, b, v, c = (t.detach().numpy() for t in net.parameters())
    order = [1, 0] + list(range(2, 9))
    for more in "", "-more":
        if more:
            w, b = np.vstack([w, w[:1] * 0 + np.float32(0.5)]), np.append(b, np.float32(-1))
            v, order = np.hstack([v, v[:, :1] * 0]), order + [9]
        for which, p in ("a", list(range(len(order)))), ("b", order):
            np.savez_compressed(f"fitted{more}-{which}.npz", **{"fc1.weight": w[p], "fc1.bias": b[p], "fc2.weight": v[:, p], "fc2.bias": c})
