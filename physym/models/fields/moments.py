"""Mean and spread of packed fields, summed up part by part."""

from __future__ import annotations

import torch

from physym.models.fields.types import Types, layout

__all__ = ["Moments"]

_ROUNDING = 1e-13


class Moments:
    """Sums over packed tensors (row, entry, *space), by entry, about the mean of the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.about = self.first = self.second = torch.zeros(())

    def add(self, values: torch.Tensor) -> None:
        """Add the entries of a packed tensor."""
        flat = values.transpose(0, 1).flatten(1)
        if not self.count:
            self.about = flat.mean(1)
        flat = flat - self.about[:, None]
        self.count += flat.shape[1]
        self.first, self.second = self.first + flat.sum(1), self.second + flat.square().sum(1)

    def root_mean_square(self, types: Types, dim: int) -> torch.Tensor:
        """About zero, one number for all components of a variable, (entry,)."""
        mean, variance = self._each()
        found = variance + mean**2
        for (order, _), where in layout(types, dim).items():
            size = dim**order
            found[where] = found[where].reshape(-1, size).mean(1, keepdim=True).expand(-1, size).reshape(-1)
        return found.sqrt()

    def mean_and_spread(self, types: Types, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What to subtract and divide by so that numbers have the size 1, (entry,).

        The mean is that of true scalars, and zero for all else, which a rotation or reflection would change. The spread
        is 1 where there is none.
        """
        mean, variance = self._each()
        spread = self.root_mean_square(types, dim)
        scalars = layout(types, dim).get((0, 0), slice(0, 0))
        some = variance[scalars]
        # what the squares of a constant leave is rounding
        spread[scalars] = torch.where(some > _ROUNDING**2 * mean[scalars] ** 2, some, torch.zeros_like(some)).sqrt()
        kept = torch.zeros_like(mean)
        kept[scalars] = mean[scalars]
        return kept, torch.where(spread > 0, spread, torch.ones_like(spread))

    def _each(self) -> tuple[torch.Tensor, torch.Tensor]:
        off = self.first / self.count
        return self.about + off, (self.second / self.count - off**2).clamp_min(0.0)
