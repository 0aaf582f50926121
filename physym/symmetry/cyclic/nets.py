"""Small nets for functions of circular strings, with the two calls of an estimator: `fit(x, y)` and `predict(x)`.

Three of them see the same strings (n, N) in different ways:

- `Plain`: a multilayer perceptron of whatever features it is given;
- `Convolutional`: circular convolutions, which commute with turns (all linear maps that do are circular convolutions),
  so deep that every output sees the whole circle; then mean and maximum over places, which no turn changes;
- `Aligner`: a net gives every place a score, the string is turned until the place of the highest score comes first, and
  a perceptron sees the result. If the scores come of circular convolutions they turn with the string, and the aligned
  string is invariant; if they come of a perceptron, nothing makes them.

The aligner turns hard by the highest score, and learns as if it had mixed all turns by the softmax of the scores, since
the choice itself has no derivative.

Sources: T. Cohen and M. Welling, Group equivariant convolutional networks (ICML 2016); M. Jaderberg, K. Simonyan, A.
Zisserman and K. Kavukcuoglu, Spatial transformer networks (NeurIPS 2015); S.-O. Kaba, A. K. Mondal, Y. Zhang, Y. Bengio
and S. Ravanbakhsh, Equivariance with learned canonicalization functions (ICML 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

__all__ = ["Aligner", "Convolutional", "Estimator", "Plain", "aligner", "convolutional", "plain"]


class Estimator:
    """Trains a net for a fixed number of steps on the mean square error.

    Args:
        make: the net, of the number of features.
        shared: whether all features have one mean and spread, as the places of a string must.
        steps: of AdamW, with a rate that falls to zero.
        seed: of the weights and batches.
        rate: of the first steps.
        batch: samples a step.
    """

    def __init__(
        self,
        make: Callable[[int], nn.Module],
        *,
        shared: bool = False,
        steps: int = 1500,
        seed: int = 0,
        rate: float = 3e-3,
        batch: int = 128,
    ) -> None:
        self.make, self.shared, self.steps, self.seed, self.rate, self.batch = make, shared, steps, seed, rate, batch

    def fit(self, x: np.ndarray, y: np.ndarray) -> Estimator:
        """Learn y (n,) of x (n, features)."""
        axis = None if self.shared else 0
        self._centre, spread = x.mean(axis=axis), x.std(axis=axis)
        # a feature that never changes tells nothing, and rounding must not make it tell
        self._scale = np.where(spread > 1e-9 * (1 + np.abs(self._centre)), spread, np.inf)
        self._mean, self._spread = float(y.mean()), float(y.std()) or 1.0
        inputs = torch.from_numpy((x - self._centre) / self._scale)
        wanted = torch.from_numpy((y - self._mean) / self._spread)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.net = self.make(x.shape[1]).double()
        generator = torch.Generator().manual_seed(self.seed)
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=self.rate, weight_decay=1e-2)
        for step in range(self.steps):
            for group in optimizer.param_groups:
                group["lr"] = self.rate * min(1.0, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
            rows = torch.randint(0, len(inputs), (self.batch,), generator=generator)
            optimizer.zero_grad()
            (self.net(inputs[rows]) - wanted[rows]).square().mean().backward()
            optimizer.step()
        return self

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> np.ndarray:
        """The values (n,) of x (n, features)."""
        found = []
        for start in range(0, len(x), 4096):
            rows = torch.from_numpy((x[start : start + 4096] - self._centre) / self._scale)
            found.append(self.net(rows).numpy())
        return np.concatenate(found) * self._spread + self._mean if found else np.zeros(0)


class Plain(nn.Module):
    """A perceptron with two hidden layers: (n, features) to (n,), or to (n, outputs)."""

    def __init__(self, features: int, outputs: int = 0, width: int = 64) -> None:
        super().__init__()
        self.flat = outputs == 0
        self.layers = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs or 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of each row."""
        found = self.layers(x)
        return found[:, 0] if self.flat else found


class Places(nn.Module):
    """Circular convolutions: (n, N) to (n, N, channels), turning with the string.

    Each layer sees three places, apart by 1, 2, 4, …, so that the field an output sees doubles with each, until it is
    the whole circle.
    """

    def __init__(self, size: int, channels: int = 24) -> None:
        super().__init__()
        self.apart = [2**n for n in range(max(1, math.ceil(math.log2((size + 1) / 2))))]
        given = [1] + [channels] * (len(self.apart) - 1)
        # turned strings side by side, and one product of matrices: far faster than a convolution of so few places
        self.layers = nn.ModuleList(nn.Linear(3 * n, channels) for n in given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The channels at every place."""
        found = x[..., None]
        for apart, layer in zip(self.apart, self.layers, strict=True):
            around = [found.roll(apart, dims=1), found, found.roll(-apart, dims=1)]
            found = layer(torch.cat(around, dim=-1)).relu()
        return found


class Convolutional(nn.Module):
    """Circular convolutions, mean and maximum over places, and a perceptron: (n, N) to (n,), invariant under turns."""

    def __init__(self, size: int, channels: int = 24) -> None:
        super().__init__()
        self.places = Places(size, channels)
        self.head = Plain(2 * channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of each string."""
        found = self.places(x)
        return self.head(torch.cat([found.mean(dim=1), found.amax(dim=1)], dim=-1))


class Aligner(nn.Module):
    """Turns the place of the highest score to the front, and looks at the result: (n, N) to (n,).

    Args:
        size: N.
        equivariant: whether the scores come of circular convolutions rather than a perceptron.
    """

    def __init__(self, size: int, *, equivariant: bool) -> None:
        super().__init__()
        self.scores = nn.Sequential(Places(size), nn.Linear(24, 1), nn.Flatten()) if equivariant else None
        self.free = None if equivariant else Plain(size, size)
        self.head = Plain(size)
        self.register_buffer("turns", (torch.arange(size) + torch.arange(size)[:, None]) % size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of each string."""
        return self.head(self.aligned(x))

    def aligned(self, x: torch.Tensor) -> torch.Tensor:
        """Each string from its highest score on."""
        scores = self.scores(x) if self.scores is not None else self.free(x)
        soft = scores.softmax(dim=-1)
        hard = nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(soft)
        weights = hard + (soft - soft.detach()) if self.training and torch.is_grad_enabled() else hard
        # (n, turn, place): the string from each place on
        return torch.einsum("ns,nsm->nm", weights, x[:, self.turns])


def plain(*, steps: int, seed: int) -> Estimator:
    """A perceptron of any features."""
    return Estimator(Plain, steps=steps, seed=seed)


def convolutional(*, steps: int, seed: int) -> Estimator:
    """Equivariant layers and pooling, of strings."""
    return Estimator(Convolutional, shared=True, steps=steps, seed=seed)


def aligner(*, equivariant: bool, steps: int, seed: int) -> Estimator:
    """A learned gauge and a perceptron, of strings."""
    return Estimator(lambda size: Aligner(size, equivariant=equivariant), shared=True, steps=steps, seed=seed)
