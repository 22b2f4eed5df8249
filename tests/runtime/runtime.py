"""Compares onnxruntime with PyTorch's outputs, and the rank of exported witnesses with what is proved: runtime.sh."""
import json
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

programs, runtime = sys.argv[1:]
cases = Path(__file__).resolve().parents[2] / "cases"
scratch = Path(tempfile.mkdtemp())


def run(model, x):
    given = scratch / "input.json"
    given.write_text(json.dumps({"shape": x.shape, "values": [float(v) for v in x.ravel()]}))
    done = subprocess.run(["node", "run.mjs", str(model), str(given)], cwd=runtime, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout.strip().splitlines()[-1])
    return np.array(out["values"]).reshape(out["shape"]), out["type"]


def prove(case, witness, *options):
    subprocess.run([f"{programs}/widecert", "--quiet", "prove", str(cases / case), "-o", str(scratch / "out"), "--witness",
                    str(witness), *options], check=True)


for name in "lenet", "residual", "separable", "sequence", "rows", "decoder":
    io = np.load(cases / "imported" / f"{name}-io.npz")
    y, kind = run(cases / "imported" / f"{name}.onnx", io["x"])
    if name == "lenet":  # with the log_softmax that the case leaves off
        expected = io["y"] - np.log(np.exp(io["y"]).sum(1, keepdims=True))
    else:
        expected = io["y"]
    print(name, kind, np.abs(y - expected).max())
    assert np.abs(y - expected).max() < 1e-5

# Witnesses: rank F = N along a ray, and exactly zero loss.
samples = json.loads((cases / "small/relu-dense.case.json").read_text())["data"]["samples"]
x = np.array([[float(Fraction(str(v))) for v in sample] for sample in samples])
prove("small/relu-dense", scratch / "ray.onnx", "--alpha", "5")
f, kind = run(scratch / "ray.onnx", x)
print("ray", kind, "rank", np.linalg.matrix_rank(f), "of", len(x))
assert np.linalg.matrix_rank(f) == len(x)

case = json.loads((cases / "interpolation/zero-loss.case.json").read_text())
x = np.array([[float(Fraction(str(v))) for v in sample] for sample in case["data"]["samples"]])
targets = next(entry["targets"] for entry in case["prove"] if entry.get("claim") == "zero-loss-at")
y = np.array([[float(Fraction(str(v))) for v in targets["rows"][k]] for k in targets["labels"]])
prove("interpolation/zero-loss", scratch / "zero.onnx")
f, kind = run(scratch / "zero.onnx", x)
print("zero loss", kind, np.abs(f - y).max())
assert np.abs(f - y).max() < 1e-6
print("ok")
