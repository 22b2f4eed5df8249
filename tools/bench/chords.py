"""The bound of the loss on a segment of parameters against a sampled double evaluation, in one run: 64-64-10, relu, 2,000 samples,
layer 1 moving. `chords.py FOLDER_OF_PROGRAMS`; needs NumPy."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

programs = pathlib.Path(sys.argv[1]).resolve()
random = np.random.default_rng(1)
tensors = {"w": random.normal(size=(64, 64)) / 8, "b": random.normal(size=64) / 8, "to": random.normal(size=(64, 64)) / 8,
           "v": random.normal(size=(10, 64)) / 4, "c": np.zeros(10)}
tensors = {name: t.astype(np.float32) for name, t in tensors.items()}
images, classes = random.integers(0, 17, (2000, 64)).astype(np.uint8), random.integers(0, 10, 2000)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    np.savez(folder / "t.npz", **tensors)
    np.save(folder / "x.npy", images)
    layer = lambda w, b: {"weights": {"npy": {"path": "t.npz", "member": w}}, "bias": {"npy": {"path": "t.npz", "member": b}}}
    case = {"format": "widecert-case", "version": 1, "title": "a segment",
            "network": {"input": {"shape": [64]}, "nodes": [
                {"name": "one", "op": "dense", "filters": 64, "bias": "neuron"}, {"name": "relu", "op": "activation", "function": "relu"},
                {"name": "out", "op": "dense", "filters": 10, "bias": "neuron"}]},
            "data": {"format": "npy", "path": "x.npy", "divide": 16},
            "prove": [{"theorem": "polygon", "node": "out", "loss": {"cross-entropy": classes.tolist()},
                       "from": {"one": layer("w", "b"), "out": layer("v", "c")}, "corners": [{"one": layer("to", "b")}]}]}
    (folder / "t.case.json").write_text(json.dumps(case))
    subprocess.run([programs / "widecert", "prove", folder / "t.case.json", "-o", folder], check=True, capture_output=True)
    claim = json.loads((folder / "t.claim.json").read_text())["claims"][0]
    cells = json.loads((folder / "t.cert.json").read_text())["proofs"][0]["pieces"][0]["cells"]
    check = []
    peer = []
    for _ in range(5):
        start = time.time()
        subprocess.run([programs / "widecheck", folder / "t.claim.json"], check=True, capture_output=True)
        check.append(time.time() - start)
        start = time.time()
        x = images / 16
        w, to, v = (tensors[k].astype(float) for k in ("w", "to", "v"))
        largest = 0
        for t in np.linspace(0, 1, 200):
            f = np.maximum(x @ ((1 - t) * w + t * to).T + tensors["b"], 0) @ v.T
            most = f.max(1)
            largest = max(largest, (most + np.log(np.exp(f - most[:, None]).sum(1)) - f[np.arange(2000), classes]).sum())
        peer.append(time.time() - start)
    level = eval(claim["level"]) if isinstance(claim["level"], str) else claim["level"]
    print(f"{cells} cells: certified {level:.6g}, largest of 200 points {largest:.6g}, closer than {level / largest - 1:.2%}")
    print(f"check {min(check):.3f} s, NumPy at 200 points {min(peer):.3f} s: ratio {min(check) / min(peer):.2f}")
