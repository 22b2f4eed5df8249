"""widecert from Python: a model and its samples become a case, which the program widecert proves and widecheck checks.

    import widecert
    case = widecert.case(model, x)               # a torch.nn.Module, or the path of an .onnx file
    result = widecert.prove(case)
    print(result)                                # verdicts, as widecheck accepted them
    result[0].proved, result[0].numbers["sigma_min_low"], result.claim

Nothing is computed here: files are written, and the programs on the PATH are called (or those in the folder that the
environment variable WIDECERT names). Needs numpy; torch only for its modules.
"""
import copy
import json
import os
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

__all__ = ["Case", "Entry", "Error", "Result", "case", "check", "prove"]


class Error(Exception):
    """What a program refused, in its own words; `status` is its exit status."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def _program(name):
    folder = os.environ.get("WIDECERT")
    path = shutil.which(name, path=folder) if folder else shutil.which(name)
    if path is None:
        raise Error(f"{name} is not on the PATH; the environment variable WIDECERT may name its folder", 127)
    return path


def _run(arguments, accepted):
    done = subprocess.run([_program("widecert"), "--json", *map(str, arguments)], capture_output=True, text=True)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if done.returncode not in accepted:
        raise Error(answer.get("error") or done.stderr.strip() or f"widecert ended with {done.returncode}", done.returncode)
    return answer


class Case:
    """A case file. `difference` is the largest one between its outputs and those of the model; `notes` say what was left
    off, rounded or spelled in another way."""

    def __init__(self, path, notes=(), difference=None):
        self.path, self.notes, self.difference = Path(path), list(notes), difference

    def __repr__(self):
        return f"Case({str(self.path)!r})"


class Entry:
    """One thing that was asked for. `proved` and `refuted` are true only if widecheck accepted the claims behind it."""

    def __init__(self, answer):
        self.theorem, self.node = answer["theorem"], answer.get("node")
        self.outcome, self.reason = answer["outcome"], answer["reason"]
        self.accepted = bool(answer["accepted_by_widecheck"]) and bool(answer["claims"])
        self.statements = [claim["statement"] for claim in answer["claims"] if "statement" in claim]
        self.explanation = answer["explanation"]
        self.numbers = {name: Fraction(value) for name, value in answer.get("numbers", {}).items()}

    @property
    def proved(self):
        return self.outcome == "proved" and self.accepted

    @property
    def refuted(self):
        return self.outcome == "refuted" and self.accepted

    def __str__(self):
        head = f"{self.outcome.upper()} {self.theorem} at {self.node}" + (f" [{self.reason}]" if self.reason else "")
        return "\n  ".join([head, *(self.statements or [self.explanation])])


class Result(list):
    """The entries; `claim` is the claim file that widecheck NAME.claim.json checks, None if nothing is claimed."""

    def __init__(self, answer):
        super().__init__(Entry(one) for one in answer["results"])
        self.claim = Path(answer["claim_file"]) if answer.get("claim_file") else None

    @property
    def proved(self):
        return bool(self) and all(entry.proved for entry in self)

    def __str__(self):
        return "\n".join(map(str, self))


def _array(x):
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    x = np.asarray(x)
    return x if x.dtype.kind in "iu" and x.dtype.itemsize <= 8 else x.astype(np.float64)


def case(model, x=None, prove=None, layer=None, path="out/model.case.json", opset=13, labels=None):
    """Writes a case about `model` at its weights on the samples x (the first axis counts them).

    model: a torch.nn.Module in evaluation mode, or a fitted MLPClassifier or MLPRegressor of scikit-learn (its scores, before
    softmax), whose outputs on x are then compared with those of the case; or the path of an .onnx file. prove: entries as in a case file, {"theorem": ...}, without "node" and "parameters" where the layer
    and the model's weights are meant; rank and singular values if absent. layer: what is proved about. labels: a class for each
    sample, from 0 on, to ask how near exact zero loss is. path: NAME.case.json;
    the weights are NAME.npz and the samples NAME-samples.npz beside it. What was there is replaced.
    """
    path = Path(path)
    if not path.name.endswith(".case.json"):
        raise ValueError("path: the case is called NAME.case.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    base = path.with_name(path.name[: -len(".case.json")])
    for old in (path, Path(f"{base}.npz")):
        old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        arguments, arrays = ["-o", path], {}
        if x is not None:
            arrays["x"] = _array(x)
        if labels is not None:
            arrays["labels"] = _array(labels)
        if isinstance(model, (str, os.PathLike)):
            onnx = Path(model)
        elif hasattr(model, "coefs_"):  # a perceptron of scikit-learn: matrices are inputs x outputs
            onnx, tensors, words, y = Path(folder) / "mlp.npz", {}, [], arrays.get("x")
            names = {"logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "identity": "identity"}
            for k, (w, b) in enumerate(zip(model.coefs_, model.intercepts_)):
                tensors[f"{k}.weight"], tensors[f"{k}.bias"] = np.ascontiguousarray(w.T), b
                last = k + 1 == len(model.coefs_)
                words += [f"dense:{len(b)}"] + ([] if last else [names[model.activation]])
                if y is not None:
                    y = y @ w + b
                    if not last:
                        y = {"logistic": lambda t: 1 / (1 + np.exp(-t)), "tanh": np.tanh, "identity": lambda t: t,
                             "relu": lambda t: np.maximum(t, 0)}[model.activation](y)
            if y is not None:
                arrays["y"] = y
            np.savez(onnx, **tensors)
            arguments += ["--architecture", " ".join(words), "--shape", str(len(model.coefs_[0]))]
        else:
            import torch

            if not isinstance(model, torch.nn.Module):
                raise TypeError("model: expected a torch.nn.Module, an MLPClassifier or MLPRegressor, or the path of an .onnx file")
            if x is None:
                raise ValueError("x: samples are needed to export a module")
            if any(module.training for module in model.modules()):
                raise ValueError("model: call model.eval() first; dropout and batch norm differ in training, in every part")
            onnx = Path(folder) / "model.onnx"
            parameter = next(model.parameters(), torch.zeros(()))
            sample = torch.as_tensor(arrays["x"][:1]).to(parameter.dtype)
            torch.onnx.export(copy.deepcopy(model), sample, str(onnx), opset_version=opset, do_constant_folding=False,
                              training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes={})
            with torch.no_grad():
                y = copy.deepcopy(model).double()(torch.as_tensor(arrays["x"]).double())
            if not isinstance(y, torch.Tensor):
                raise ValueError("model: one tensor is expected as its output, not " + type(y).__name__)
            arrays["y"] = y.numpy()
        if arrays:
            samples = Path(f"{base}-samples.npz")
            np.savez(samples, **arrays)
            arguments += ["--data", samples, "--member", "x"]
        if labels is not None:
            arguments += ["--labels", f"{samples}[labels]"]
        if "y" in arrays:
            arguments += ["--check", f"{samples}[x]", f"{samples}[y]"]
        if layer is not None:
            arguments += ["--layer", layer]
        answer = _run(["import", onnx, *arguments], {0})
    if prove is not None:
        content = json.loads(path.read_text())
        usual = content["prove"][0]
        content["prove"] = [{"node": usual["node"], "parameters": usual["parameters"], **entry} for entry in prove]
        path.write_text(json.dumps(content, indent=2) + "\n")
    return Case(path, answer["notes"], answer.get("largest_difference"))


def prove(case, folder="out", seed=None, timeout=None):
    """Proves a Case, or the case at a path: claim and certificate are written into `folder` and checked by widecheck.
    Raises Error where the case cannot be read, or widecheck rejects what was claimed."""
    options = []
    if seed is not None:
        options += ["--seed", seed]
    if timeout is not None:
        options += ["--timeout", timeout]
    return Result(_run([*options, "prove", case.path if isinstance(case, Case) else case, "-o", folder], {0, 1, 3}))


def check(claim):
    """Whether widecheck alone accepts a claim file, or a pack."""
    return subprocess.run([_program("widecheck"), str(claim)], capture_output=True).returncode == 0
