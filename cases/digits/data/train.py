"""How trained.npz was made: a 3x3 convolution with 64 filters, relu, a dense layer, trained on the digits with
plain SGD in float32. Run in this folder; needs NumPy only. (Another NumPy or BLAS may round otherwise.)"""
import gzip
import numpy as np

x = np.frombuffer(gzip.open("images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 8, 8) / np.float32(16)
y = np.frombuffer(gzip.open("labels-idx1-ubyte.gz").read()[8:], np.uint8)
rng = np.random.default_rng(1)
patches = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)).reshape(len(x), 36, 9)
w = (rng.normal(size=(64, 9)) / 2).astype(np.float32)
b = (rng.normal(size=64) / 4).astype(np.float32)
v = (rng.normal(size=(10, 36 * 64)) / 48).astype(np.float32)
c = np.zeros(10, np.float32)
for step in range(3000):
    i = rng.integers(0, len(x), 64)
    g = patches[i] @ w.T + b
    f = np.maximum(g, 0).reshape(64, -1)
    p = np.exp(f @ v.T + c)
    p /= p.sum(1, keepdims=True)
    p[np.arange(64), y[i]] -= 1
    dg = (p @ v).reshape(g.shape) * (g > 0)
    rate = np.float32(0.05 / 64)
    v -= rate * (p.T @ f)
    c -= rate * p.sum(0)
    w -= rate * np.einsum("npt,npr->tr", dg, patches[i])
    b -= rate * dg.sum((0, 1))
f = np.maximum(patches @ w.T + b, 0).reshape(len(x), -1)
print("training accuracy", ((f @ v.T + c).argmax(1) == y).mean())
# As PyTorch would keep them: filters x channels x height x width.
np.savez_compressed("trained.npz", **{"conv1.weight": w.reshape(64, 1, 3, 3), "conv1.bias": b, "dense2.weight": v,
                                      "dense2.bias": c})
