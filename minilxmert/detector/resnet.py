"""ResNet with its stride in the first 1 × 1 convolution, normalisations folded away (He et al. 2016, arXiv 1512.03385).

Parameters: a stage is {"0": block, "1": block, …}; a block has conv1, conv2, conv3 and, the first one, shortcut."""

from .arithmetic import add_relu, convolve, max_pool


def backbone(x, p):
    """A picture (1, H, W, 3) -> the map that proposals and boxes are read from, (1, H/16, W/16, C), rounded up"""
    x = stem(x, p["stem"])
    x = stage(x, p["res2"])
    x = stage(x, p["res3"], stride=2)
    return stage(x, p["res4"], stride=2)


def stem(x, p):
    """7 × 7, every second pixel, then the largest of 3 × 3: (1, H, W, 3) -> (1, H/4, W/4, C)"""
    return max_pool(convolve(x, p, size=7, stride=2, padding=3))


def stage(x, p, stride=1, dilation=1):
    """Blocks one after the other, the first with the stride: (N, H, W, C) -> (N, H/stride, W/stride, C')"""
    for name, block in p.items():
        x = bottleneck(x, block, stride if name == "0" else 1, dilation)
    return x


def bottleneck(x, p, stride, dilation):
    """Narrow, look around, widen, add: (N, H, W, C) -> (N, H/stride, W/stride, C')"""
    shortcut = convolve(x, p["shortcut"], None, stride=stride) if "shortcut" in p else x
    y = convolve(x, p["conv1"], stride=stride)
    y = convolve(y, p["conv2"], size=3, padding=dilation, dilation=dilation)
    return add_relu(convolve(y, p["conv3"], None), shortcut)
