"""Writes polygons between two small convolutional networks trained from different seeds: NAME.npz with the arrays a.LAYER,
m.LAYER, b.LAYER of three points, in float32 and the order of PyTorch. The middle point is trained so that
the loss stays small where one layer after the other moves from a to m and from m to b. `lenet.py digits` takes the first 300
digits beside this folder, `lenet.py mnist FOLDER` the first 2,000 images of MNIST in a folder. With PyTorch (python3-torch of
Debian 12); numbers may differ in the last places elsewhere."""
import gzip
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
name, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "../../digits/data"
prefix, size, count, scale = ("", 8, 300, 16) if name == "digits" else ("train-", 28, 2000, 255)
images = np.frombuffer(gzip.open(f"{folder}/{prefix}images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 1, size, size)[:count]
labels = np.frombuffer(gzip.open(f"{folder}/{prefix}labels-idx1-ubyte.gz").read()[8:], np.uint8)[:count]
x, y = torch.tensor(images / np.float32(scale)), torch.tensor(labels.astype(np.int64))
channels, kernel, widths = ((6, 16), 3, (32,)) if name == "digits" else ((6, 16), 5, (120, 84))
side = (size if name == "digits" else (size - kernel + 1) // 2 - kernel + 1) // (4 if name == "digits" else 2)
shapes = {"conv1": (channels[0], 1, kernel, kernel), "conv2": (channels[1], channels[0], kernel, kernel)}
below = channels[1] * side * side
for l, width in enumerate(widths + (10,), 1):
    shapes[f"fc{l}"], below = (width, below), width
pad = kernel // 2 if name == "digits" else 0


def forward(theta, x):
    for conv in "conv1", "conv2":
        x = F.max_pool2d(F.relu(F.conv2d(x, theta[conv], theta[conv + ".b"], padding=pad)), 2)
    x = x.flatten(1)
    for l in range(1, len(widths) + 2):
        x = F.linear(F.relu(x) if l > 1 else x, theta[f"fc{l}"], theta[f"fc{l}.b"])
    return x


def start(seed):
    torch.manual_seed(seed)
    theta = {}
    for layer, shape in shapes.items():
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        theta[layer] = torch.empty(shape).uniform_(-bound, bound).requires_grad_()
        theta[layer + ".b"] = torch.empty(shape[0]).uniform_(-bound, bound).requires_grad_()
    return theta


def train(theta, steps, rate, batch, loss):
    optimizer = torch.optim.Adam(theta.values(), rate)
    for step in range(steps):
        pick = torch.randint(0, count, (batch,))
        optimizer.zero_grad()
        value = loss(pick)
        value.backward()
        optimizer.step()


def entropy(theta, pick):
    return F.cross_entropy(forward(theta, x[pick]), y[pick])


def total(theta):
    with torch.no_grad():
        return F.cross_entropy(forward(theta, x), y, reduction="sum").item()


ends = {}
for which, seed in ("a", 1), ("b", 2):
    ends[which] = start(seed)
    train(ends[which], 400, 0.002, 100, lambda pick: entropy(ends[which], pick))
    print(which, total(ends[which]))
middle = {k: ((ends["a"][k] + ends["b"][k]) / 2).detach().requires_grad_() for k in ends["a"]}


def between(piece, t):
    """The point at t of a piece: layers of the one end, one that moves, layers of the other."""
    layers = list(shapes)
    one, other = (ends["a"], middle) if piece < len(layers) else (middle, ends["b"])
    at = piece % len(layers)
    theta = {}
    for k, layer in enumerate(layers):
        for part in layer, layer + ".b":
            s = 1 if k < at else t if k == at else 0
            theta[part] = (1 - s) * one[part].detach() + s * other[part] if other is middle else (1 - s) * one[part] + s * other[part].detach()
    return theta


train(middle, 3000, 0.002, 100, lambda pick: entropy(between(int(torch.randint(0, 2 * len(shapes), ())), float(torch.rand(()))), pick))
print("largest at 21 points of each piece", max(total(between(p, t)) for p in range(2 * len(shapes)) for t in np.linspace(0, 1, 21)))
arrays = {}
for which, theta in ("a", ends["a"]), ("m", middle), ("b", ends["b"]):
    for layer in shapes:
        arrays[f"{which}.{layer}"] = theta[layer].detach().numpy()
        arrays[f"{which}.{layer}.b"] = theta[layer + ".b"].detach().numpy()
np.savez_compressed(f"lenet-{name}.npz", **arrays)
