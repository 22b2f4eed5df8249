"""Whole models, trained here by PyTorch and scikit-learn on the digits of this repository, and on Fashion-MNIST where
Debian's dataset-fashion-mnist is: what widecert proves about their features agrees with the framework's own numbers.
python.sh runs this, with an interpreter that has PyTorch."""
import gzip
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/python"))
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import widecert

warnings.simplefilter("ignore")
os.chdir(tempfile.mkdtemp())
torch.manual_seed(1)
torch.set_num_threads(1)


def idx(path):
    data = gzip.open(path).read()
    extents = [int.from_bytes(data[4 + 4 * k: 8 + 4 * k], "big") for k in range(data[3])]
    return np.frombuffer(data[4 + 4 * len(extents):], np.uint8).reshape(extents)


digits = torch.tensor(idx(root / "cases/digits/data/images-idx3-ubyte.gz")).float() / 16
labels = torch.tensor(idx(root / "cases/digits/data/labels-idx1-ubyte.gz").astype(np.int64))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm0 = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

    def forward(self, x):
        x = F.relu(self.norm0(self.stem(x)))
        return F.softplus(x + self.norm(self.conv(x)))


def train(body, head, x, y, steps):
    model = nn.Sequential(body, nn.Flatten(), head)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(steps):
        batch = torch.randint(len(x), (64,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval(), loss.item()


def compare(name, body, x, model, full=True):
    """The outputs of the whole model; rank and sigma_min of the features, the output of its body."""
    whole = widecert.case(model, x[:20], path="whole.case.json")
    assert whole.difference < 1e-5, (name, whole.difference)
    output = json.loads(widecert.case(body, x[:1], path="output.case.json").path.read_text())["network"]["nodes"][-1]["name"]
    case = widecert.case(body, x, layer=output, path="body.case.json", prove=[{"theorem": "singular-values"}, {"theorem": "rank-equals"}])
    assert case.difference < 1e-5, (name, case.difference)
    singular, rank = widecert.prove(case)
    with torch.no_grad():
        features = body.double()(x.double()).flatten(1).numpy()
    body.float()
    sigma = np.linalg.svd(features, compute_uv=False)
    low, high = (float(singular.numbers[key]) for key in ("sigma_min_low", "sigma_min_high"))
    # What the exporter rounds in float32, batch norm say, moves singular values by as little; full says that it is so
    # much less than sigma_min that the rank must be N.
    slack = case.difference * np.sqrt(features.size) + 1e-9 * sigma[0]
    assert low - slack <= sigma[-1] <= high + slack, (name, low, sigma[-1], high, slack)
    numerical = int((sigma > 1e-6 * sigma[0]).sum())
    if full:
        assert singular.proved and low > 0 and numerical == len(x), (name, low, numerical)
    if rank.accepted and "rank" in rank.numbers:
        assert rank.numbers["rank"] == (len(x) if full else numerical), (name, rank, numerical)
    print(f"{name}: sigma_min in [{low:.6g}, {high:.6g}], PyTorch {sigma[-1]:.6g}; outputs {whole.difference:.1e}; "
          f"rank {rank.numbers.get('rank', rank.reason)} of {features.shape}")
    return rank


images = digits[:, None]
for name, body, width, x in [
    ("perceptron", nn.Sequential(nn.Flatten(), nn.Linear(64, 150), nn.Tanh(), nn.Linear(150, 120), nn.Sigmoid()), 120, images),
    ("residual", Residual(), 8 * 64, images),
    ("depthwise separable", nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Hardswish(),
                                          nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.BatchNorm2d(8), nn.SiLU(),
                                          nn.Conv2d(8, 8, 1), nn.Tanh()), 8 * 64, images),
    ("one dimension", nn.Sequential(nn.Conv1d(8, 30, 3, padding=1), nn.ELU(), nn.Conv1d(30, 20, 3), nn.GELU()), 20 * 6, digits),
]:
    model, loss = train(body, nn.Linear(width, 10), x, labels, 150)
    assert loss < 1.5, (name, loss)
    compare(name, body, x[:100], model)
# Values that are rational: the rank is exact whatever it is. Dead neurons of a narrow layer make it less than N.
body = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.ReLU())
model, _ = train(body, nn.Linear(40, 10), images, labels, 150)
rank = compare("narrow relu", body, images[:60], model, full=False)
assert rank.proved and rank.numbers["rank"] <= 40, rank
body = nn.Sequential(nn.Flatten(), nn.Linear(64, 300), nn.ReLU())
model, _ = train(body, nn.Linear(300, 10), images, labels, 150)
rank = compare("wide relu", body, images[:100], model)
assert rank.proved and rank.numbers["rank"] == 100, rank

try:
    from sklearn.neural_network import MLPClassifier, MLPRegressor
except ImportError:
    print("SKIPPED: the part with scikit-learn (apt-get install python3-sklearn)")
else:
    rows = digits.flatten(1).double().numpy()
    for name, mlp, y in [("MLPClassifier", MLPClassifier((120,), activation="tanh", max_iter=30, random_state=1), labels),
                         ("MLPRegressor", MLPRegressor((120,), activation="logistic", max_iter=30, random_state=1), labels)]:
        mlp.fit(rows, y.numpy())
        case = widecert.case(mlp, rows[:100], path="sklearn.case.json")
        assert case.difference < 1e-12, (name, case.difference)
        rank, singular = widecert.prove(case)
        features = rows[:100] @ mlp.coefs_[0] + mlp.intercepts_[0]
        features = np.tanh(features) if mlp.activation == "tanh" else 1 / (1 + np.exp(-features))
        sigma = np.linalg.svd(features, compute_uv=False)[-1]
        low, high = (float(singular.numbers[key]) for key in ("sigma_min_low", "sigma_min_high"))
        assert rank.proved and low * (1 - 1e-9) <= sigma <= high * (1 + 1e-9), (name, low, sigma, high)
        print(f"{name}: sigma_min in [{low:.6g}, {high:.6g}], NumPy {sigma:.6g}")

fashion = Path("/usr/share/datasets/fashion-mnist")
if not fashion.is_dir():
    print("SKIPPED: LeNet-5 on Fashion-MNIST (apt-get install dataset-fashion-mnist)")
else:
    x = torch.tensor(idx(fashion / "t10k-images-idx3-ubyte.gz")).float()[:, None] / 255
    y = torch.tensor(idx(fashion / "t10k-labels-idx1-ubyte.gz").astype(np.int64))
    body = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2))
    head = nn.Sequential(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))
    model, loss = train(body, head, x, y, 200)
    assert loss < 1, loss
    compare("LeNet-5 on Fashion-MNIST", body, x[:200], model)
print("ok")
