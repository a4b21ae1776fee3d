"""CAM++ as a torch module, for the one conversion of its checkpoint: importing this imports torch.

Source: Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking", arXiv 2303.00332. Names are those of the 3D-Speaker checkpoints, so that they load strictly.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

__all__ = ["CamPlusPlus", "load"]

SEGMENT = 100  # frames (of 20 ms) that share one context mask


def load(checkpoint: Path) -> CamPlusPlus:
    """The network with the weights of a 3D-Speaker checkpoint, ready to infer."""
    model = CamPlusPlus()
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return model.eval()


class CamPlusPlus(nn.Module):
    """Features (batch, frames, 80) -> embeddings (batch, 192).

    A small 2-d residual front (FCM), then densely connected time-delay layers whose outputs are masked by
    their context: the mean over the whole clip and over each two-second segment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = Front()
        layers: OrderedDict[str, nn.Module] = OrderedDict(tdnn=Unit(320, 128, 5, stride=2))
        channels = 128
        for block, (depth, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), start=1):
            layers[f"block{block}"] = DenseBlock(channels, depth, dilation)
            channels += depth * 32
            layers[f"transit{block}"] = Transition(channels)
            channels //= 2
        layers["out_nonlinear"] = nonlinear(channels)
        layers["stats"] = Statistics()
        layers["dense"] = Dense(2 * channels, 192)
        self.xvector = nn.Sequential(layers)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings, not normalised."""
        embeddings: Tensor = self.xvector(self.head(features.transpose(1, 2)))
        return embeddings


def nonlinear(channels: int) -> nn.Sequential:
    """Batch norm, then ReLU."""
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class Residual(nn.Module):
    """Two 3 x 3 convolutions past a shortcut; a stride of 2 halves the frequencies."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(32, 32, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        shortcut = (nn.Conv2d(32, 32, 1, (stride, 1), bias=False), nn.BatchNorm2d(32)) if stride > 1 else ()
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Front(nn.Module):
    """The front-end convolution module: (batch, 80, frames) -> (batch, 320, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.layer1 = nn.Sequential(Residual(2), Residual(1))
        self.layer2 = nn.Sequential(Residual(2), Residual(1))
        self.conv2 = nn.Conv2d(32, 32, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x.unsqueeze(1))))
        y = F.relu(self.bn2(self.conv2(self.layer2(self.layer1(y)))))
        return y.flatten(1, 2)  # (batch, 32, 10, frames) -> (batch, 320, frames)


class Unit(nn.Module):
    """A time-delay layer: convolution, batch norm, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.nonlinear = nonlinear(out)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinear(self.linear(x))
        return y


class ContextMask(nn.Module):
    """A dilated convolution, each output weighted by what the clip and the segment around it sound like."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(128, 32, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(128, 64, 1)
        self.linear2 = nn.Conv1d(64, 32, 1)

    def forward(self, x: Tensor, member: Tensor) -> Tensor:
        """``member`` (frames, segments) is 1 where a frame lies in a segment."""
        means = (x @ member) / member.sum(0)  # (batch, 128, segments)
        context = x.mean(-1, keepdim=True) + means
        mask = torch.sigmoid(self.linear2(F.relu(self.linear1(context))))  # (batch, 32, segments)
        # The mask is computed once a segment and then spread over its frames.
        y: Tensor = self.linear_local(x) * (mask @ member.T)
        return y


class DenseLayer(nn.Module):
    """One layer of a dense block: 32 new channels from all that came before."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = nonlinear(channels)
        self.linear1 = nn.Conv1d(channels, 128, 1, bias=False)
        self.nonlinear2 = nonlinear(128)
        self.cam_layer = ContextMask(dilation)

    def forward(self, x: Tensor, member: Tensor) -> Tensor:
        y: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))), member)
        return y


class DenseBlock(nn.Module):
    """``depth`` layers, each reading the concatenation of the input and every layer before it."""

    def __init__(self, channels: int, depth: int, dilation: int) -> None:
        super().__init__()
        for i in range(depth):
            self.add_module(f"tdnnd{i + 1}", DenseLayer(channels + 32 * i, dilation))

    def forward(self, x: Tensor) -> Tensor:
        frames = torch.arange(x.shape[-1], device=x.device)
        # Segments as a matrix, because pooling refuses clips shorter than one segment.
        member = (frames[:, None] // SEGMENT == frames[None, ::SEGMENT] // SEGMENT).to(x.dtype)
        for layer in self.children():
            x = torch.cat((x, layer(x, member)), 1)
        return x


class Transition(nn.Module):
    """Halves the channels between two blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = nonlinear(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(self.nonlinear(x))
        return y


class Statistics(nn.Module):
    """Mean and standard deviation over time: (batch, channels, frames) -> (batch, 2 * channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x.mean(-1), x.std(-1, unbiased=True)), 1)


class Dense(nn.Module):
    """The embedding layer, with its batch norm and nothing after it."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, out, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(out, affine=False)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinear(self.linear(x.unsqueeze(-1)).squeeze(-1))
        return y
