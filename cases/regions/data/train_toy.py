"""Writes toy.npz: leaky-relu networks 2-N-2, N = 2, 3, 50, trained on points of two classes in the plane: the first class fills a disc
and a ring around it, the second one the ring between (integers over 100, points.npy). Section 5.3.4 of the thesis has such data. Run
in this folder with PyTorch (python3-torch of Debian 12); numbers may differ in the last places elsewhere."""
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
random = np.random.default_rng(5)
angle = random.uniform(0, 2 * np.pi, 600)
radius = np.concatenate([np.sqrt(random.uniform(0, 1, 200)) * 0.8, random.uniform(1.2, 2, 200), random.uniform(2.4, 3.2, 200)])
points = np.round(100 * np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)).astype(np.int64)
labels = np.repeat([0, 1, 0], 200)
x, y = torch.tensor(points / np.float32(100), dtype=torch.float32), torch.tensor(labels)
arrays = {}
for width in (2, 3, 50):
    torch.manual_seed(width)
    net = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.1), nn.Linear(width, 2))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for step in range(3000):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (net(x).argmax(1) == y).float().mean().item()
    print(width, loss.item(), right)
    for name, layer in (("fc1", net[0]), ("fc2", net[2])):
        arrays[f"{width}.{name}.weight"] = layer.weight.detach().numpy()
        arrays[f"{width}.{name}.bias"] = layer.bias.detach().numpy().reshape(1, -1)
np.savez_compressed("toy.npz", **arrays)
np.save("points.npy", points)
