"""How torch-trained.npz was made: 64 -> 400 tanh -> 16 tanh -> 10 outputs, trained by PyTorch on the first 300 digits with the
square loss Phi = 1/2 ||F_L - Y||^2 and one-hot targets until Phi < 10^-4. Run in this folder with PyTorch 1.13 (python3-torch
of Debian 12); three minutes on one core, and on the same machine the same bytes.

Every weight is a multiple of 2^-16, which float32 holds exactly."""
import gzip
import os
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # sums in one order: the same bytes
import numpy as np
import torch
from torch import nn

DIGITS, OUT, N, WIDTH, HIDDEN = "../../digits/data/", "torch-trained.npz", 300, 400, 16

torch.set_num_threads(1)
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

images = np.frombuffer(gzip.open(DIGITS + "images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 64)[:N]
labels = np.frombuffer(gzip.open(DIGITS + "labels-idx1-ubyte.gz").read()[8:], np.uint8)[:N]
x = torch.tensor(images / 16)  # 0 .. 16 in the file; "divide": 16 in the case
y = nn.functional.one_hot(torch.tensor(labels.astype(np.int64)), 10).double()

net = nn.Sequential()
for name, module in {"dense1": nn.Linear(64, WIDTH), "tanh1": nn.Tanh(), "dense2": nn.Linear(WIDTH, HIDDEN),
                     "tanh2": nn.Tanh(), "out": nn.Linear(HIDDEN, 10)}.items():
    net.add_module(name, module)
nn.init.normal_(net.dense1.weight, std=0.5)    # far from linear, so that [F, 1] has rank N by a margin
nn.init.orthogonal_(net.out.weight, gain=2.0)  # targets 0 and 1 are reached before tanh2 saturates
start = time.time()


def phi(i=slice(None)):
    return 0.5 * ((net(x[i]) - y[i]) ** 2).sum()


def show(text):
    with torch.no_grad():
        right = (net(x).argmax(1) == y.argmax(1)).sum()
        print(f"{time.time() - start:6.1f} s  {text:28} Phi = {phi():.3e}, {right} of {N} right", flush=True)


# 1. Adam on all layers, in batches, the rate going to 0 by a cosine.
EPOCHS = 2000
adam = torch.optim.Adam(net.parameters(), lr=2e-3)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, EPOCHS)
show("at the start")
for epoch in range(EPOCHS):
    for batch in torch.randperm(N).split(50):
        adam.zero_grad()
        (phi(batch) / len(batch)).backward()
        adam.step()
    rate.step()
show("Adam")

# 2. L-BFGS on all samples at once until Phi is small; the weights are rounded.
lbfgs = torch.optim.LBFGS(net.parameters(), max_iter=2000, history_size=50, line_search_fn="strong_wolfe",
                          tolerance_grad=0, tolerance_change=0)


def closure():
    lbfgs.zero_grad()
    loss = phi()
    loss.backward()
    return loss


for part in range(20):
    if phi() < 2e-5:
        break
    lbfgs.step(closure)
    show("L-BFGS")
with torch.no_grad():
    for p in net.parameters():
        p.data = torch.round(p.data * 2.0**16) / 2.0**16
        assert torch.equal(p.data, p.data.float().double()), "not a float32"
show("multiples of 2^-16")
np.savez_compressed(OUT, **{name: p.detach().numpy().astype(np.float32) for name, p in net.named_parameters()})
