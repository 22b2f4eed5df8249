#!/usr/bin/env python3
"""Writes torch.npz and keras.npz: the same images and weights as two frameworks keep them."""
import numpy as np

random = np.random.default_rng(2)
images = random.integers(0, 256, (6, 5, 5, 2), dtype=np.uint8)  # samples, height, width, channels
kernel = random.normal(size=(2, 2, 2, 3)).astype(np.float32)  # height, width, channels, filters
bias = random.normal(size=3).astype(np.float32)
dense = random.normal(size=(2, 2, 3, 40)).astype(np.float32)  # height, width, channels, neurons
dense_bias = random.normal(size=40).astype(np.float32)

np.savez("keras.npz", **{
    "images": images,
    "conv.kernel": kernel, "conv.bias": bias,
    "dense.kernel": dense.reshape(12, 40), "dense.bias": dense_bias,
})
np.savez("torch.npz", **{
    "images": images.transpose(0, 3, 1, 2),
    "flat": images.transpose(0, 3, 1, 2).reshape(6, 50),
    "conv.weight": kernel.transpose(3, 2, 0, 1), "conv.bias": bias,
    "fc.weight": dense.transpose(3, 2, 0, 1).reshape(40, 12), "fc.bias": dense_bias,
})
