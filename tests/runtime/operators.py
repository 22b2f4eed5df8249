"""Small modules of PyTorch, exported at three opsets: each becomes a case that computes what PyTorch computes. The Python
module does the export and the comparison; python.sh runs this, with an interpreter that has PyTorch."""
import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/python"))
import torch
import torch.nn.functional as F
from torch import nn

import widecert

warnings.simplefilter("ignore")
os.chdir(tempfile.mkdtemp())
torch.manual_seed(1)


class Model(nn.Module):
    def __init__(self, rule, **parts):
        super().__init__()
        self.rule = rule
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.rule(self, x)


def gated(y):
    return y * F.relu6(y + 3) / 6


def leaky(y):
    return torch.maximum(y, 0.1 * y)


conv = nn.Conv2d(2, 4, 3)
models = {
    "hard-swish": (lambda m, x: m.b(F.hardswish(m.a(x))), (6,), {"a": nn.Linear(6, 9), "b": nn.Linear(9, 4)}),
    "hard-swish by relu6": (lambda m, x: gated(m.a(x)), (6,), {"a": nn.Linear(6, 9)}),
    "maxout, minimum, celu": (lambda m, x: F.celu(torch.minimum(torch.maximum(m.a(x), m.b(x)), m.c(x)), 1.5), (6,),
                              {"a": nn.Linear(6, 9), "b": nn.Linear(6, 9), "c": nn.Linear(6, 9)}),
    "bounds by maximum": (lambda m, x: torch.minimum(torch.maximum(m.a(x), torch.tensor(-1.0)), torch.tensor(0.5)), (6,),
                          {"a": nn.Linear(6, 9)}),
    "leaky relu by maximum": (lambda m, x: leaky(m.a(x)), (6,), {"a": nn.Linear(6, 9)}),
    "padding": (lambda m, x: m.a(F.pad(x, (1, 2, 0, 1))), (2, 7, 8), {"a": conv}),
    "decoder": (lambda m, x: m.c(F.relu(m.a(x)).view(-1, 4, 5, 3)), (6,),
                {"a": nn.Linear(6, 60), "c": nn.Conv2d(4, 3, 2)}),
    "decoder of sequences": (lambda m, x: m.c(F.relu(m.a(x)).view(-1, 4, 15)), (6,),
                             {"a": nn.Linear(6, 60), "c": nn.Conv1d(4, 3, 2)}),
    "decoder, channels last": (lambda m, x: m.c(F.relu(m.a(x)).reshape(-1, 5, 3, 4).permute(0, 3, 1, 2)), (6,),
                               {"a": nn.Linear(6, 60), "c": nn.Conv2d(4, 3, 2)}),
    "image to another image": (lambda m, x: m.c(F.relu(x).reshape(x.shape[0], 6, 4, 4)), (3, 8, 4),
                               {"c": nn.Conv2d(6, 3, 2)}),
    "flattened, channels last": (lambda m, x: m.b(m.a(x).permute(0, 2, 3, 1).flatten(1)), (2, 5, 5),
                                 {"a": conv, "b": nn.Linear(36, 5)}),
    "average within": (lambda m, x: F.avg_pool2d(m.a(x), 3, 2, 1, count_include_pad=False), (2, 9, 10), {"a": conv}),
    "average with padding": (lambda m, x: F.avg_pool2d(m.a(x), 3, 2, 1), (2, 9, 10), {"a": conv}),
    "average within, one dimension": (lambda m, x: F.avg_pool1d(m.a(x), 3, 2, 1, count_include_pad=False), (2, 9),
                                      {"a": nn.Conv1d(2, 4, 3)}),
    "maximum, rounded up": (lambda m, x: F.max_pool2d(m.a(x), 3, 2, ceil_mode=True), (2, 10, 9), {"a": conv}),
    "average, rounded up": (lambda m, x: F.avg_pool2d(m.a(x), 3, 2, ceil_mode=True, count_include_pad=False),
                            (2, 10, 9), {"a": conv}),
    "a number for each place": (lambda m, x: F.relu(m.a(x) + m.p) * m.q, (2, 7, 8),
                                {"a": conv, "p": nn.Parameter(torch.randn(1, 4, 5, 6)),
                                 "q": nn.Parameter(torch.randn(5, 1))}),
    "a function first": (lambda m, x: m.a(torch.tanh(x)), (2, 9), {"a": nn.Conv1d(2, 4, 3)}),
    "two flattened images": (lambda m, x: m.c(torch.cat([m.a(x).flatten(1), torch.tanh(m.b(x)).flatten(1)], 1)),
                             (2, 5, 5), {"a": conv, "b": nn.Conv2d(2, 3, 2), "c": nn.Linear(4 * 9 + 3 * 16, 5)}),
}
for name, (rule, shape, parts) in models.items():
    for opset in (10, 13, 16) if "celu" not in name else (13, 16):  # celu is younger than 10
        model = Model(rule, **parts).eval()
        case = widecert.case(model, 2 * torch.randn(5, *shape), opset=opset)
        assert case.difference < 1e-6, (name, opset, case.difference)
        result = widecert.prove(case)
        assert len(result) == 2 and all(entry.accepted for entry in result), (name, opset, result)
    print(f"{name}: {case.difference:.1e}", *case.notes, sep="; ")
print("ok")
