"""Writes the models of this folder, as PyTorch exports them, and what PyTorch computes: NAME.onnx and NAME-io.npz (x, y); classes of lenet's samples, labels.npy; and the tensors of
one more network, tensors.npz and tensors.safetensors, whose layers are said by tests.
Run here with PyTorch 1.13 (python3-torch of Debian 12). Weights are seeded, not trained."""
import json
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)


class LeNet(nn.Module):  # flattened channels first
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(16 * 3 * 3, 24), nn.Linear(24, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(torch.tanh(self.conv2(x)), 2)
        return F.log_softmax(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))), 1)


class Residual(nn.Module):  # batch norm, skip connections, gelu, stride 2 with padding 1
    def __init__(self):
        super().__init__()
        self.stem, self.norm0 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv1, self.norm1 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.skip, self.fc = nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(8, 16, 1, 2), nn.Linear(16, 5)

    def forward(self, x):
        x = F.relu(self.norm0(self.stem(x)))
        x = F.relu(x + self.norm1(self.conv1(x)))
        x = F.gelu(self.conv2(x) + self.skip(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))


class Separable(nn.Module):  # depthwise, silu, relu6
    def __init__(self):
        super().__init__()
        self.depth, self.point = nn.Conv2d(3, 6, 3, groups=3, padding=1), nn.Conv2d(6, 12, 1)
        self.norm, self.fc = nn.BatchNorm2d(12), nn.Linear(12 * 4 * 4, 7)

    def forward(self, x):
        x = F.relu6(self.norm(self.point(F.silu(self.depth(x)))))
        return self.fc(F.avg_pool2d(x, 2).reshape(x.shape[0], -1))


class Sequence(nn.Module):  # one dimension, dilation, elu with alpha 1.5
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv1d(2, 8, 5, 2, 3, 2), nn.BatchNorm1d(8), nn.Linear(8 * 9, 4)

    def forward(self, x):
        return self.fc(F.elu(self.norm(self.conv(x)), 1.5).flatten(1))


class Decoder(nn.Module):  # a row becomes an image; a number for each place; hard-swish; averages within the image
    def __init__(self):
        super().__init__()
        self.fc, self.place = nn.Linear(10, 60), nn.Parameter(torch.randn(1, 4, 3, 5))
        self.conv, self.out = nn.Conv2d(4, 6, 2), nn.Linear(6 * 2 * 3, 4)

    def forward(self, x):
        x = F.hardswish(self.fc(x)).view(-1, 4, 3, 5) + self.place
        return self.out(F.avg_pool2d(self.conv(x), 3, 2, 1, ceil_mode=True, count_include_pad=False).flatten(1))


class Rows(nn.Module):  # rows of 64 numbers that become images; mish, selu, hardsigmoid
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5)
        self.fc1, self.fc2 = nn.Linear(180, 10), nn.Linear(10, 3)

    def forward(self, x):
        x = F.mish(self.norm(self.conv(x.view(-1, 1, 8, 8))) / 3 - 0.25)
        return F.hardsigmoid(self.fc2(F.selu(self.fc1(x.flatten(1)))))


def write(name, net, shape, folded):
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)):
            nn.init.normal_(m.running_mean)
            nn.init.uniform_(m.running_var, 0.5, 2)
            nn.init.normal_(m.weight)
            nn.init.normal_(m.bias)
    net.eval()
    x = torch.randn(6, *shape).double()
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    torch.onnx.export(net, x.float(), f"{name}.onnx", opset_version=13, input_names=["image"], training=mode,
                      do_constant_folding=folded, dynamic_axes={"image": {0: "n"}})
    net.double()
    with torch.no_grad():
        y = net(x)
        if name == "lenet":  # the scores, without the log_softmax that is left off
            scores = {}
            net.fc2.register_forward_hook(lambda module, inputs, out: scores.update(y=out))
            net(x)
            y = scores["y"]
    np.savez_compressed(f"{name}-io.npz", x=x.numpy(), y=y.numpy())


for name, net, shape, folded in [
    ("lenet", LeNet(), (1, 20, 20), True),
    ("residual", Residual(), (3, 9, 11), False),
    ("separable", Separable(), (3, 8, 8), True),
    ("sequence", Sequence(), (2, 20), False),
    ("rows", Rows(), (64,), False),
]:
    write(name, net, shape, folded)
np.save("labels.npy", np.array([3, 0, 9, 1, 1, 7]))  # of lenet's samples: any


def save_safetensors(path, tensors):  # by name, as the library does
    header, data = {}, b""
    for key, v in sorted(tensors.items()):
        header[key] = {"dtype": {"f": "F32", "i": "I64"}[v.dtype.kind], "shape": list(v.shape),
                       "data_offsets": [len(data), len(data) + v.nbytes]}
        data += v.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


net = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(6, 8, 3, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 2 * 2, 20), nn.ReLU(),
                    nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 4))
nn.init.normal_(net[1].running_mean)
nn.init.uniform_(net[1].running_var, 0.5, 2)
net.eval()
tensors = {key: v.numpy() for key, v in net.state_dict().items()}
np.savez_compressed("tensors.npz", **tensors)
save_safetensors("tensors.safetensors", tensors)
x = torch.randn(5, 3, 10, 10).double()
with torch.no_grad():
    np.savez_compressed("tensors-io.npz", x=x.numpy(), y=net.double()(x).numpy())
write("decoder", Decoder(), (10,), False)
