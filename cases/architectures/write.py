#!/usr/bin/env python3
"""Writes the case files of this folder, from the published descriptions of the networks.

    python3 cases/architectures/write.py           # write them
    python3 cases/architectures/write.py --check   # 1 if a file differs from what would be written

Architecture only: no weights, no data. Batch norm in inference mode scales channels, which the filters
before it could do as well; it is left out. A convolution has one bias per channel. Every convolutional
and dense layer is to be decided; the strided 1x1 projections of shortcuts see a quarter of their inputs
and can never have full rank where they have more filters than channels.
"""
import json
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Net:
    def __init__(self, shape):
        self.shape, self.nodes, self.prove = shape, [], []

    def add(self, name, op, inputs=None, **keys):
        node = {"name": name, "op": op, **keys}
        if isinstance(inputs, list):
            node["inputs"] = inputs
        elif inputs is not None:
            node["input"] = inputs
        self.nodes.append(node)
        return name

    def linear(self, name, op, inputs, expect, **keys):
        self.prove.append({"theorem": "full-rank-weights", "node": name, "expect": expect})
        return self.add(name, op, inputs, bias="channel", **keys)

    def relu(self, name, function="relu"):
        return self.add(name + ".act", "activation", name, function=function)

    # A convolution with its activation. Padding: "same", "valid" or a list.
    def conv(self, name, filters, size, inputs=None, stride=1, padding="same", groups=1, act=True,
             projection=False):
        size = [size, size] if isinstance(size, int) else size
        keys = {"filters": filters, "size": size}
        if stride != 1:
            keys["stride"] = [stride, stride]
        if padding != "valid" and (size != [1, 1] or padding != "same"):
            keys["padding"] = padding
        if groups != 1:
            keys["groups"] = groups
        expect = {"outcome": "refuted", "reason": "uncovered-inputs"} if projection else {"outcome": "proved"}
        self.linear(name, "conv2d", inputs, expect, **keys)
        return self.relu(name) if act else name

    def dense(self, name, filters, act=True):
        self.linear(name, "dense", None, {"outcome": "proved"}, filters=filters)
        return self.relu(name) if act else name

    def pool(self, name, size, stride, inputs=None, kind="max", padding="valid"):
        keys = {} if padding == "valid" else {"padding": padding}
        return self.add(name, kind + "pool2d", inputs, size=[size, size], stride=[stride, stride], **keys)

    def depthwise(self, name, channels, inputs=None, stride=1, act=True):
        return self.conv(name, channels, 3, inputs, stride, "same", channels, act)


def vgg_16():
    net = Net([224, 224, 3])
    for block, (filters, layers) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for layer in range(1, layers + 1):
            net.conv(f"conv{block}_{layer}", filters, 3)
        net.pool(f"pool{block}", 2, 2)
    net.dense("fc6", 4096)
    net.dense("fc7", 4096)
    net.dense("fc8", 1000, act=False)
    return net


def resnet(bottleneck, blocks):
    net = Net([224, 224, 3])
    net.conv("conv1", 64, 7, stride=2, padding=[3, 3, 3, 3])
    below = net.pool("pool1", 3, 2, padding=[1, 1, 1, 1])
    channels = 64
    for stage, count in enumerate(blocks, 2):
        inner = 64 * 2 ** (stage - 2)
        outer = 4 * inner if bottleneck else inner
        for block in range(1, count + 1):
            name = f"conv{stage}_{block}"
            stride = 2 if stage > 2 and block == 1 else 1
            one = [1, 1, 1, 1]
            if bottleneck:  # He et al. 2016: the first 1x1 has the stride
                net.conv(name + ".a", inner, 1, below, stride)
                net.conv(name + ".b", inner, 3)
                branch = net.conv(name + ".c", outer, 1, act=False)
            else:
                net.conv(name + ".a", inner, 3, below, stride, one)
                branch = net.conv(name + ".b", inner, 3, act=False)
            shortcut = below
            if channels != outer:
                shortcut = net.conv(name + ".shortcut", outer, 1, below, stride, act=False,
                                    projection=stride == 2)
            net.add(name, "sum", [branch, shortcut])
            below = net.relu(name)
            channels = outer
    net.pool("average", 7, 7, kind="avg")
    net.dense("fc", 1000, act=False)
    return net


def inception_v3():
    net = Net([299, 299, 3])
    net.conv("conv1a", 32, 3, stride=2, padding="valid")
    net.conv("conv2a", 32, 3, padding="valid")
    net.conv("conv2b", 64, 3)
    net.pool("pool2", 3, 2)
    net.conv("conv3b", 80, 1)
    net.conv("conv4a", 192, 3, padding="valid")
    below = net.pool("pool4", 3, 2)

    def average(name, below):
        return net.pool(name, 3, 1, below, "avg", [1, 1, 1, 1])

    for name, pooled in (("mixed5b", 32), ("mixed5c", 64), ("mixed5d", 64)):
        a = net.conv(name + ".1x1", 64, 1, below)
        net.conv(name + ".5x5a", 48, 1, below)
        b = net.conv(name + ".5x5b", 64, 5)
        net.conv(name + ".3x3a", 64, 1, below)
        net.conv(name + ".3x3b", 96, 3)
        c = net.conv(name + ".3x3c", 96, 3)
        d = net.conv(name + ".pooled", pooled, 1, average(name + ".average", below))
        below = net.add(name, "concat", [a, b, c, d])
    a = net.conv("mixed6a.3x3", 384, 3, below, 2, "valid")
    net.conv("mixed6a.double-a", 64, 1, below)
    net.conv("mixed6a.double-b", 96, 3)
    b = net.conv("mixed6a.double-c", 96, 3, stride=2, padding="valid")
    below = net.add("mixed6a", "concat", [a, b, net.pool("mixed6a.pool", 3, 2, below)])
    for name, inner in (("mixed6b", 128), ("mixed6c", 160), ("mixed6d", 160), ("mixed6e", 192)):
        a = net.conv(name + ".1x1", 192, 1, below)
        net.conv(name + ".7x7a", inner, 1, below)
        net.conv(name + ".7x7b", inner, [1, 7])
        b = net.conv(name + ".7x7c", 192, [7, 1])
        net.conv(name + ".double-a", inner, 1, below)
        net.conv(name + ".double-b", inner, [7, 1])
        net.conv(name + ".double-c", inner, [1, 7])
        net.conv(name + ".double-d", inner, [7, 1])
        c = net.conv(name + ".double-e", 192, [1, 7])
        d = net.conv(name + ".pooled", 192, 1, average(name + ".average", below))
        below = net.add(name, "concat", [a, b, c, d])
    net.pool("auxiliary.average", 5, 3, below, "avg")
    net.conv("auxiliary.1x1", 128, 1)
    net.conv("auxiliary.5x5", 768, 5, padding="valid")
    net.dense("auxiliary.fc", 1000, act=False)
    net.conv("mixed7a.3x3a", 192, 1, below)
    a = net.conv("mixed7a.3x3b", 320, 3, stride=2, padding="valid")
    net.conv("mixed7a.7x7a", 192, 1, below)
    net.conv("mixed7a.7x7b", 192, [1, 7])
    net.conv("mixed7a.7x7c", 192, [7, 1])
    b = net.conv("mixed7a.7x7d", 192, 3, stride=2, padding="valid")
    below = net.add("mixed7a", "concat", [a, b, net.pool("mixed7a.pool", 3, 2, below)])
    for name in ("mixed7b", "mixed7c"):
        a = net.conv(name + ".1x1", 320, 1, below)
        stem = net.conv(name + ".3x3a", 384, 1, below)
        b = net.conv(name + ".1x3b", 384, [1, 3], stem)
        c = net.conv(name + ".3x1b", 384, [3, 1], stem)
        net.conv(name + ".double-a", 448, 1, below)
        stem = net.conv(name + ".double-b", 384, 3)
        d = net.conv(name + ".1x3c", 384, [1, 3], stem)
        e = net.conv(name + ".3x1c", 384, [3, 1], stem)
        f = net.conv(name + ".pooled", 192, 1, average(name + ".average", below))
        below = net.add(name, "concat", [a, b, c, d, e, f])
    net.pool("average", 8, 8, below, "avg")
    net.dense("fc", 1000, act=False)
    return net


def inception_v4():
    net = Net([299, 299, 3])
    net.conv("stem1", 32, 3, stride=2, padding="valid")
    net.conv("stem2", 32, 3, padding="valid")
    below = net.conv("stem3", 64, 3)
    a = net.pool("stem4.pool", 3, 2, below)
    b = net.conv("stem4.conv", 96, 3, below, 2, "valid")
    below = net.add("stem4", "concat", [a, b])
    net.conv("stem5.a1", 64, 1, below)
    a = net.conv("stem5.a2", 96, 3, padding="valid")
    net.conv("stem5.b1", 64, 1, below)
    net.conv("stem5.b2", 64, [7, 1])
    net.conv("stem5.b3", 64, [1, 7])
    b = net.conv("stem5.b4", 96, 3, padding="valid")
    below = net.add("stem5", "concat", [a, b])
    a = net.conv("stem6.conv", 192, 3, below, 2, "valid")
    below = net.add("stem6", "concat", [a, net.pool("stem6.pool", 3, 2, below)])

    def branch(name, below, layers):
        for k, (filters, size) in enumerate(layers, 1):
            out = net.conv(f"{name}{k}", filters, size, below if k == 1 else None)
        return out

    def module(name, below, pooled, *branches):
        pool = net.pool(name + ".average", 3, 1, below, "avg", [1, 1, 1, 1])
        outs = [net.conv(name + ".pooled", pooled, 1, pool)]
        outs += [branch(f"{name}.{'abc'[k]}", below, layers) for k, layers in enumerate(branches)]
        return net.add(name, "concat", outs)

    for k in range(1, 5):
        below = module(f"a{k}", below, 96, [(96, 1)], [(64, 1), (96, 3)], [(64, 1), (96, 3), (96, 3)])
    a = net.conv("reduction-a.3x3", 384, 3, below, 2, "valid")
    branch("reduction-a.c", below, [(192, 1), (224, 3)])
    b = net.conv("reduction-a.c3", 256, 3, stride=2, padding="valid")
    below = net.add("reduction-a", "concat", [net.pool("reduction-a.pool", 3, 2, below), a, b])
    for k in range(1, 8):
        below = module(f"b{k}", below, 128, [(384, 1)], [(192, 1), (224, [1, 7]), (256, [7, 1])],
                       [(192, 1), (192, [1, 7]), (224, [7, 1]), (224, [1, 7]), (256, [7, 1])])
    net.conv("reduction-b.b1", 192, 1, below)
    a = net.conv("reduction-b.b2", 192, 3, stride=2, padding="valid")
    branch("reduction-b.c", below, [(256, 1), (256, [1, 7]), (320, [7, 1])])
    b = net.conv("reduction-b.c4", 320, 3, stride=2, padding="valid")
    below = net.add("reduction-b", "concat", [net.pool("reduction-b.pool", 3, 2, below), a, b])
    for k in range(1, 4):
        name = f"c{k}"
        pool = net.pool(name + ".average", 3, 1, below, "avg", [1, 1, 1, 1])
        outs = [net.conv(name + ".pooled", 256, 1, pool), net.conv(name + ".a", 256, 1, below)]
        stem = branch(name + ".b", below, [(384, 1)])
        outs += [net.conv(name + ".b-wide", 256, [1, 3], stem), net.conv(name + ".b-high", 256, [3, 1], stem)]
        stem = branch(name + ".c", below, [(384, 1), (448, [1, 3]), (512, [3, 1])])
        outs += [net.conv(name + ".c-high", 256, [3, 1], stem), net.conv(name + ".c-wide", 256, [1, 3], stem)]
        below = net.add(name, "concat", outs)
    net.pool("average", 8, 8, below, "avg")
    net.dense("fc", 1000, act=False)
    return net


def googlenet():
    net = Net([224, 224, 3])
    net.conv("conv1", 64, 7, stride=2)
    net.pool("pool1", 3, 2, padding="same")
    net.conv("conv2a", 64, 1)
    net.conv("conv2b", 192, 3)
    below = net.pool("pool2", 3, 2, padding="same")
    modules = {"3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "pool3": None,
               "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
               "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
               "4e": (256, 160, 320, 32, 128, 128), "pool4": None,
               "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128)}
    for name, filters in modules.items():
        if filters is None:
            below = net.pool(name, 3, 2, below, padding="same")
            continue
        one, three_a, three_b, five_a, five_b, pooled = filters
        name = "inception" + name
        a = net.conv(name + ".1x1", one, 1, below)
        net.conv(name + ".3x3a", three_a, 1, below)
        b = net.conv(name + ".3x3b", three_b, 3)
        net.conv(name + ".5x5a", five_a, 1, below)
        c = net.conv(name + ".5x5b", five_b, 5)
        net.pool(name + ".pool", 3, 1, below, padding="same")
        d = net.conv(name + ".pooled", pooled, 1)
        below = net.add(name, "concat", [a, b, c, d])
    net.pool("average", 7, 7, below, "avg")
    net.dense("fc", 1000, act=False)
    return net


def squeezenet():
    net = Net([227, 227, 3])
    net.conv("conv1", 96, 7, stride=2, padding="valid")
    below = net.pool("pool1", 3, 2)
    for k, filters in ((2, 16), (3, 16), (4, 32), (5, 32), (6, 48), (7, 48), (8, 64), (9, 64)):
        name = f"fire{k}"
        squeezed = net.conv(name + ".squeeze", filters, 1, below)
        a = net.conv(name + ".1x1", 4 * filters, 1, squeezed)
        b = net.conv(name + ".3x3", 4 * filters, 3, squeezed)
        below = net.add(name, "concat", [a, b])
        if k in (4, 8):
            below = net.pool(f"pool{k}", 3, 2, below)
    net.conv("conv10", 1000, 1, below)
    net.pool("average", 13, 13, kind="avg")
    return net


def mobilenet_v2():
    net = Net([224, 224, 3])
    below = net.conv("conv1", 32, 3, stride=2)
    channels, k = 32, 0
    for factor, filters, count, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                          (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for repeat in range(count):
            k += 1
            name, stride = f"block{k}", first if repeat == 0 else 1
            inner = below
            if factor != 1:
                inner = net.conv(name + ".expand", factor * channels, 1, below)
            net.depthwise(name + ".depthwise", factor * channels, inner, stride)
            out = net.conv(name + ".project", filters, 1, act=False)
            if stride == 1 and channels == filters:
                out = net.add(name, "sum", [out, below])
            below, channels = out, filters
    net.conv("conv2", 1280, 1, below)
    net.pool("average", 7, 7, kind="avg")
    net.dense("fc", 1000, act=False)
    return net


def xception():
    net = Net([299, 299, 3])
    net.conv("conv1", 32, 3, stride=2, padding="valid")
    below = net.conv("conv2", 64, 3, padding="valid")
    channels = 64

    def separable(name, filters, inputs=None, act=False):
        net.depthwise(name + ".depthwise", channels, inputs, act=False)
        return net.conv(name + ".pointwise", filters, 1, act=act)

    def reducing(name, first, second, below):
        nonlocal channels
        start = below
        if name != "block1":
            start = net.add(name + ".relu", "activation", below, function="relu")
        shortcut = net.conv(name + ".shortcut", second, 1, below, 2, act=False, projection=True)
        separable(name + ".a", first, start, act=True)
        channels = first
        separable(name + ".b", second)
        channels = second
        pooled = net.pool(name + ".pool", 3, 2, padding="same")
        return net.add(name, "sum", [pooled, shortcut])

    for name, filters in (("block1", 128), ("block2", 256), ("block3", 728)):
        below = reducing(name, filters, filters, below)
    for k in range(4, 12):
        start = below
        for part in "abc":
            name = f"block{k}.{part}"
            net.add(name + ".relu", "activation", start if part == "a" else None, function="relu")
            last = separable(name, 728)
        below = net.add(f"block{k}", "sum", [last, start])
    below = reducing("block12", 728, 1024, below)
    separable("conv3", 1536, below, act=True)
    channels = 1536
    separable("conv4", 2048, act=True)
    net.pool("average", 10, 10, kind="avg")
    net.dense("fc", 1000, act=False)
    return net


def enet_initial():
    net = Net([512, 512, 3])
    a = net.conv("conv", 13, 3, "x", 2, act=False)
    b = net.pool("pool", 2, 2, "x")
    net.add("initial", "concat", [a, b])
    net.conv("down", 16, 2, stride=2)
    return net


def cnn13():
    net = Net([28, 28, 1])
    for k, (filters, size, stride) in enumerate(
            [(64, 3, 1), (64, 3, 1), (64, 3, 2), (128, 3, 1), (128, 3, 1), (128, 3, 2), (256, 3, 1), (256, 1, 1),
             (256, 3, 2), (256, 3, 1), (256, 3, 2), (256, 3, 1), (256, 3, 2)], 1):
        net.conv(f"conv{k}", filters, size, stride=stride)
    net.dense("output", 10, act=False)
    return net


TABLE = "Nguyen & Hein, ICML 2018, Table 1"


def row(width, exceeds):
    return {"table": TABLE, "width": width, "exceeds": exceeds}


CASES = {
    "vgg-16": (vgg_16(), "VGG-16 (Simonyan and Zisserman 2015, configuration D)", row("3000K", True)),
    "resnet-18": (resnet(False, [2, 2, 2, 2]), "ResNet-18 (He et al. 2016, projection shortcuts)", row("800K", False)),
    "resnet-50": (resnet(True, [3, 4, 6, 3]), "ResNet-50 (He et al. 2016, projection shortcuts)", row("800K", False)),
    "inception-v3": (inception_v3(), "Inception V3 (Szegedy et al. 2016), with its auxiliary classifier",
                     row("1300K", True)),
    "inception-v4": (inception_v4(), "Inception V4 (Szegedy et al. 2017)", row("1300K", True)),
    "googlenet": (googlenet(), "GoogLeNet (Szegedy et al. 2015), without its auxiliary classifiers", row("800K", False)),
    "squeezenet": (squeezenet(), "SqueezeNet 1.0 (Iandola et al. 2016), 227 x 227 as in its code", row("1180K", False)),
    "enet-initial": (enet_initial(), "ENet (Paszke et al. 2016): the initial block, the widest hidden layer",
                     row("1000K", False)),
    "mobilenet-v2": (mobilenet_v2(), "MobileNet V2 (Sandler et al. 2018)", None),
    "xception": (xception(), "Xception (Chollet 2017)", row("700K", False)),
    "cnn13": (cnn13(), "The 13 hidden layers of a CNN for 28 x 28 images",
              {"table": "Q. Nguyen's thesis, Table 4.1", "neurons": 179840}),
}
ABOUT = {"cnn13": "Rows as printed, 3x3 convolutions but the eighth, which is 1x1. They add up to 204,928 neurons; printed are "
                  "179,840, which is this network without one of its two 14 x 14 x 128 layers."}


def main():
    differs = False
    for name, (net, title, printed) in CASES.items():
        case = {"format": "widecert-case", "version": 1, "title": title}
        if name in ABOUT:
            case["about"] = ABOUT[name]
        if printed:
            case["printed"] = printed
        case["network"] = {"input": {"shape": net.shape}, "nodes": []}
        case["prove"] = []
        lines = json.dumps(case, indent=1).splitlines()
        text = ""
        for line in lines:  # one line for each node and each request
            for key, items in (("nodes", net.nodes), ("prove", net.prove)):
                if line.strip().startswith(f'"{key}": []'):
                    inner = ",\n".join("   " + json.dumps(item) for item in items)
                    line = line.replace("[]", "[\n" + inner + "\n  ]")
            text += line + "\n"
        path = os.path.join(FOLDER, name + ".case.json")
        if "--check" in sys.argv[1:]:
            if not os.path.exists(path) or open(path).read() != text:
                print(f"{path} differs from what write.py writes")
                differs = True
        else:
            open(path, "w").write(text)
    sys.exit(1 if differs else 0)


main()
