"""SpeechBrain's ECAPA-TDNN as a torch module for clips that are never padded: importing this imports torch.

The layers and weights are SpeechBrain's own. Only the attentive pooling is written out again, without the
masks that padding needs (they would also fix the batch size of an exported graph).

Source: Desplanques et al., "ECAPA-TDNN: Emphasized Channel Attention, Propagation and Aggregation in TDNN
Based Speaker Verification", arXiv 2005.07143.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from spk.embed.torchaudio_shim import ensure_torchaudio

ensure_torchaudio()

from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN  # noqa: E402 - needs what the line above does

__all__ = ["Unpadded", "load"]


def load(checkpoint: Path) -> Unpadded:
    """The network with the weights of SpeechBrain's checkpoint, ready to infer."""
    net = ECAPA_TDNN(
        input_size=80,
        lin_neurons=192,
        channels=[1024, 1024, 1024, 1024, 3072],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=128,
    )
    net.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return Unpadded(net).eval()


class Unpadded(nn.Module):
    """Features of clips of one length (batch, frames, 80) -> embeddings (batch, 192)."""

    def __init__(self, net: ECAPA_TDNN) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings, not normalised."""
        x = self.net.blocks[0](features.transpose(1, 2))  # (batch, 1024, frames)
        levels = []
        for block in self.net.blocks[1:]:
            x = block(x)
            levels.append(x)
        x = self.net.mfa(torch.cat(levels, 1))  # (batch, 3072, frames)
        embeddings: Tensor = self.net.fc(self.net.asp_bn(self._pool(x))).squeeze(-1)
        return embeddings

    def _pool(self, x: Tensor) -> Tensor:
        """Attentive statistics: (batch, channels, frames) -> (batch, 2 * channels, 1)."""
        pool = self.net.asp
        layer = pool.tdnn.conv.conv
        every, once = layer.weight.split((x.shape[1], 2 * x.shape[1]), dim=1)
        mean, std = _statistics(x, 1 / x.shape[2], pool.eps)
        # The attention sees each frame beside the clip's mean and deviation. Those two are the same in every
        # frame, so their part of the convolution is computed once a clip.
        hidden = F.conv1d(x, every) + F.conv1d(torch.cat((mean, std), 1), once, layer.bias)
        attention = torch.softmax(pool.conv(pool.tanh(pool.tdnn.norm(pool.tdnn.activation(hidden)))), dim=2)
        return torch.cat(_statistics(x, attention, pool.eps), 1)


def _statistics(x: Tensor, weight: Tensor | float, eps: float) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation over time, each (batch, channels, 1)."""
    mean = (weight * x).sum(2, keepdim=True)
    variance = (weight * (x - mean).square()).sum(2, keepdim=True)
    return mean, variance.clamp(min=eps).sqrt()
