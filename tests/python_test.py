"""The Python module: a model becomes a case, verdicts and numbers come back. Run by ctest with widecert on the PATH;
what needs PyTorch is skipped aloud without it."""
import os
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tools/python"))
import numpy as np

import widecert

os.chdir(tempfile.mkdtemp())
model = root / "cases/imported/lenet.onnx"
x = np.load(root / "cases/imported/lenet-io.npz")["x"]
case = widecert.case(model, x)
assert case.path.exists() and any("LogSoftmax" in note for note in case.notes), case.notes
result = widecert.prove(case)
assert result.proved and len(result) == 2, result
assert result[1].numbers["sigma_min_low"] > 19, result[1].numbers
assert widecert.check(result.claim)
assert "PROVED rank-at at Tanh" in str(result), str(result)
# Entries of one's own; a layer that is named; an outcome that is no proof.
narrow = widecert.prove(widecert.case(model, x, layer="fc2", prove=[{"theorem": "rank-at"}], path="a/b.case.json"), folder="c")
assert len(narrow) == 1 and narrow[0].node == "fc2" and narrow[0].proved, narrow
equal = widecert.prove(widecert.case(model, np.concatenate([x, x[:1]]), path="d.case.json"), folder="e")
assert not equal.proved and not equal[0].proved, equal
for wrong in (lambda: widecert.case("none.onnx", x), lambda: widecert.case(model, x, layer="none"),
              lambda: widecert.case(model, x[:, :, :5]), lambda: widecert.prove("none.case.json")):
    try:
        wrong()
    except widecert.Error as error:
        assert error.status == 4 and str(error), error
    else:
        raise AssertionError("accepted")
try:
    from sklearn.neural_network import MLPClassifier
except ImportError:
    print("SKIPPED: the part with scikit-learn (apt-get install python3-sklearn)")
else:
    random = np.random.default_rng(1)
    points = random.normal(size=(30, 4))
    mlp = MLPClassifier((40, 10), activation="tanh", max_iter=20, random_state=1)
    mlp.fit(points, (points.sum(1) > 0).astype(int))
    case = widecert.case(mlp, points, path="sklearn.case.json")
    assert case.difference < 1e-12, case.difference
    scores = np.log(mlp.predict_proba(points)[:, 1] / mlp.predict_proba(points)[:, 0])
    assert np.abs(np.load("sklearn-samples.npz")["y"][:, 0] - scores).max() < 1e-9
    assert widecert.prove(case).proved
try:
    import torch
except ImportError:
    print("SKIPPED: the part with PyTorch (apt-get install python3-torch)")
    sys.exit()
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.SiLU(), torch.nn.Flatten(),
                          torch.nn.Linear(8 * 4 * 5, 3))
samples = torch.randn(12, 2, 6, 7)
try:
    widecert.case(net, samples)
except ValueError as error:
    assert "eval" in str(error)
else:
    raise AssertionError("a module in training mode")
case = widecert.case(net.eval(), samples)
assert case.difference < 1e-12, case.difference
result = widecert.prove(case)
assert result.proved, result
features = net.double()[:3](samples.double()).detach().numpy().reshape(12, -1)
smallest = np.linalg.svd(features, compute_uv=False)[-1]
assert float(result[1].numbers["sigma_min_low"]) <= smallest <= float(result[1].numbers["sigma_min_high"])
print("ok")
