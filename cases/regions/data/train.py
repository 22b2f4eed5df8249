"""Writes digits.npz: leaky-relu 64-64-10 trained on the first 1,500 digits, and two images of a 5 (image-a, image-b, in float32, pixels
over 16). Run in this folder with PyTorch (python3-torch of Debian 12); numbers may differ in the last places elsewhere."""
import gzip

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
images = np.frombuffer(gzip.open("../../digits/data/images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 64)
labels = np.frombuffer(gzip.open("../../digits/data/labels-idx1-ubyte.gz").read()[8:], np.uint8)
x, y = torch.tensor(images / np.float32(16)), torch.tensor(labels.astype(np.int64))
torch.manual_seed(1)
net = nn.Sequential()
net.add_module("fc1", nn.Linear(64, 64))
net.add_module("f", nn.LeakyReLU(0.1))
net.add_module("fc2", nn.Linear(64, 10))
optimizer = torch.optim.Adam(net.parameters(), 0.003)
for step in range(400):
    loss = nn.functional.cross_entropy(net(x[:1500]), y[:1500])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
softmax = torch.softmax(net(x), 1).detach().numpy()
fives = [i for i in range(1797) if labels[i] == 5 and softmax[i, 5] > 0.985]
far = max(((i, j) for i in fives for j in fives), key=lambda p: np.abs(images[p[0]].astype(int) - images[p[1]]).sum())
print(loss.item(), far, softmax[far, 5])
np.savez_compressed("digits.npz", **{k: v.numpy() for k, v in net.state_dict().items()},
                    **{f"image-{n}": (images[i] / np.float32(16)).reshape(1, 64).astype(np.float32) for n, i in zip("ab", far)})
