"""Writes mnist-784.npz (leaky-relu 784-784-10), mnist-200.npz (784-200-10) and mnist-256.npz (relu 784-256-256-10), trained on MNIST
(pixels over 255), weights rounded to integers over 1024; with images as bytes. Section 5.3.5 of the thesis: an image of a 1, the same
one turned by 90 degrees, and between them an image that looks like another digit and is classified as a 1. Run in this folder with
PyTorch (python3-torch of Debian 12) and MNIST in cases/mnist/data; numbers may differ elsewhere."""
import gzip

import numpy as np
import torch
from torch import nn

torch.set_num_threads(2)
folder = "../../mnist/data/"
images = np.frombuffer(gzip.open(folder + "train-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 784)
labels = np.frombuffer(gzip.open(folder + "train-labels-idx1-ubyte.gz").read()[8:], np.uint8)
x, y = torch.tensor(images / np.float32(255)), torch.tensor(labels.astype(np.int64))


def turned(pixels):
    return np.rot90(pixels.reshape(-1, 28, 28), axes=(1, 2)).reshape(-1, 784).copy()


# A tenth of the images is turned: then a turned 1 is a 1, too.
ones = np.flatnonzero(labels == 1)
both_x = torch.cat([x, torch.tensor(turned(images[ones]) / np.float32(255))])
both_y = torch.cat([y, torch.ones(len(ones), dtype=torch.int64)])


def train(widths, function, inputs, targets, epochs):
    torch.manual_seed(sum(widths))
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), function()]
    net = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), 0.001)
    for epoch in range(epochs):
        order = torch.randperm(len(inputs))
        for batch in order.split(256):
            loss = nn.functional.cross_entropy(net(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.round(p * 1024) / 1024)
        print(widths, (net(inputs).argmax(1) == targets).float().mean().item())
    return net


def arrays(net):
    out = {}
    for k, layer in enumerate(l for l in net if isinstance(l, nn.Linear)):
        out[f"fc{k + 1}.weight"] = np.round(layer.weight.detach().numpy() * 1024).astype(np.int16)
        out[f"fc{k + 1}.bias"] = np.round(layer.bias.detach().numpy() * 1024).astype(np.int16).reshape(1, -1)
    return out


def adversarial(net, start, target):
    """An image near `start` that the network takes for the target, as bytes."""
    base = torch.tensor(start / np.float32(255)).reshape(1, -1)
    for size in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        z = base.clone()
        for step in range(60):
            z = z.detach().requires_grad_(True)
            nn.functional.cross_entropy(net(z), torch.tensor([target])).backward()
            z = (base + (z - size / 10 * z.grad.sign() - base).clamp(-size, size)).clamp(0, 1)
        pixels = np.round(z.detach().numpy() * 255).astype(np.uint8)
        soft = torch.softmax(net(torch.tensor(pixels / np.float32(255))), 1)[0, target].item()
        if soft > 0.98:
            print("adversarial, up to", size, "softmax", soft)
            return pixels
    raise SystemExit("no adversarial image")


for width, epochs in ((784, 6), (200, 8)):
    net = train([784, width, 10], lambda: nn.LeakyReLU(0.1), both_x, both_y, epochs)
    soft = lambda p: torch.softmax(net(torch.tensor(p / np.float32(255))), 1).detach().numpy()
    sure = [i for i in ones[:300] if soft(images[i : i + 1])[0, 1] > 0.995 and soft(turned(images[i : i + 1]))[0, 1] > 0.995]
    one = images[sure[0] : sure[0] + 1]
    seven = images[np.flatnonzero(labels == 8)[3]]
    np.savez_compressed(f"mnist-{width}.npz", **arrays(net), one=one, turned=turned(one), adversarial=adversarial(net, seven, 1))
net = train([784, 256, 256, 10], nn.ReLU, x, y, 6)
three = [np.flatnonzero(labels == d)[0] for d in (3, 5, 8)]
np.savez_compressed("mnist-256.npz", **arrays(net), images=images[three])
