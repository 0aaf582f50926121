"""Which few of very many columns explain a target: scored all at once by matrix products.

Rows r_a of a design are weighted, freed of a common base (projected off it) and brought to length one. For the target
t, treated alike, the share of |t|² that the best combination of columns explains is

    one:  R² = s_a²,                       s_a = r_a·t,
    two:  R² = (s_a² + s_b² - 2 c s_a s_b) / (1 - c²),   c = r_a·r_b,

so that all pairs of m and n columns cost one product of an (m, points) and a (points, n) matrix. Three columns are two
after the first has been projected off: all triples of two of m columns and one of n cost m² n / 2. Hypotheses are
ranked by the length of their description, points/2 · log₂(1 - R²) + bits.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Design", "best_pairs", "best_singles", "best_triples", "extended", "projected"]

_FLOOR = 1e-6
_PARALLEL = 2e-3
_BLOCK = 4_000_000


def projected(rows: np.ndarray, base: np.ndarray | None) -> np.ndarray:
    """Rows freed of the span of an orthonormal base, (base, points)."""
    return rows if base is None or not len(base) else rows - (rows @ base.T) @ base


class Design:
    """Columns ready to be matched.

    Attributes:
        rows: of length one, float32, (columns, points).
        index: which of the given columns each is; those within the span of the base, or not finite, are left out.
        bits: what each costs.
        target: of length one.
        base: orthonormal, (base, points), or None.
    """

    def __init__(
        self,
        columns: np.ndarray,
        bits: np.ndarray,
        target: np.ndarray,
        weights: np.ndarray,
        base: np.ndarray | None = None,
    ) -> None:
        self.base = None
        if base is not None and len(base):
            scaled = base * weights
            scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
            q, r = np.linalg.qr(scaled.T)
            self.base = np.ascontiguousarray(q[:, np.abs(np.diag(r)) > 1e-9].T)
        weighted = projected(target * weights, self.base)
        self.size = float(np.linalg.norm(weighted))
        whole = float(np.linalg.norm(target * weights))
        self.left = self.size / whole if whole > 0 else 0.0
        self.target = (weighted / self.size if self.size > 0 else weighted).astype(np.float32)
        self.rows, self.index = self._prepared(columns, weights)
        self.bits = bits[self.index].astype(np.float32)
        self.points = len(target)

    def _prepared(self, columns: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = [np.zeros((0, len(weights)), dtype=np.float32)]
        index = [np.zeros(0, dtype=int)]
        step = max(1, _BLOCK // columns.shape[1])
        for start in range(0, len(columns), step):
            block = columns[start : start + step] * weights
            before = np.linalg.norm(block, axis=1)
            with np.errstate(all="ignore"):
                block = projected(block / before[:, None], self.base)
                after = np.linalg.norm(block, axis=1)
                good = np.isfinite(after) & (after > 1e-5) & (before > 0)
                rows.append((block[good] / after[good, None]).astype(np.float32))
            index.append(start + np.flatnonzero(good))
        return np.concatenate(rows), np.concatenate(index)


def _length(explained: np.ndarray, points: int) -> np.ndarray:
    return np.log2(np.maximum(1 - explained, _FLOOR)) * np.float32(points / 2)


def _smallest(values: np.ndarray, most: int) -> np.ndarray:
    most = min(most, len(values))
    chosen = np.argpartition(values, most - 1)[:most] if most < len(values) else np.arange(len(values))
    return chosen[np.argsort(values[chosen], kind="stable")]


def best_singles(design: Design, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (found, 1) of the columns that explain the target best, and their description lengths."""
    if not len(design.rows):
        return np.zeros((0, 1), dtype=int), np.zeros(0)
    score = design.rows @ design.target
    length = _length(score**2, design.points) + design.bits
    chosen = _smallest(length, most)
    return design.index[chosen][:, None], length[chosen]


def best_pairs(first: Design, second: Design, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (found, 2) of the best pairs, one of each design (both of the same target, weights and base)."""
    if not len(first.rows) or not len(second.rows):
        return np.zeros((0, 2), dtype=int), np.zeros(0)
    a = (first.rows @ first.target).astype(np.float32)
    b = (second.rows @ first.target).astype(np.float32)
    same = first is second
    step = max(1, _BLOCK // max(1, len(first.rows)))
    kept_pairs, kept_lengths, worst = [], [], np.inf
    for start in range(0, len(second.rows), step):
        block = slice(start, min(start + step, len(second.rows)))
        part, t = first.rows, a
        if same:
            part, t = first.rows[: block.stop], a[: block.stop]
        c = part @ second.rows[block].T
        rest = 1 - c * c
        parallel = rest < _PARALLEL
        c *= (-2 * t)[:, None] * b[block][None]
        c += (t * t)[:, None]
        c += (b[block] ** 2)[None]
        np.maximum(rest, np.float32(_PARALLEL), out=rest)
        c /= rest
        np.subtract(1, c, out=c)
        np.maximum(c, np.float32(_FLOOR), out=c)
        np.log2(c, out=c)
        c *= np.float32(first.points / 2)
        c += first.bits[: len(part), None]
        c += second.bits[block][None]
        c[parallel] = np.inf
        if same:
            rows = np.arange(len(part))[:, None] >= np.arange(block.start, block.stop)[None]
            c[rows] = np.inf
        flat = c.ravel()
        below = np.flatnonzero(flat < worst)
        if len(below) > most:
            below = below[_smallest(flat[below], most)]
        kept_pairs.append(np.stack([below // c.shape[1], below % c.shape[1] + start], axis=1))
        kept_lengths.append(flat[below])
        if sum(map(len, kept_lengths)) > 4 * most:
            kept_pairs, kept_lengths = _merged(kept_pairs, kept_lengths, most)
            worst = kept_lengths[0][-1] if len(kept_lengths[0]) == most else worst
    kept_pairs, kept_lengths = _merged(kept_pairs, kept_lengths, most)
    pairs = kept_pairs[0]
    return np.stack([first.index[pairs[:, 0]], second.index[pairs[:, 1]]], axis=1), kept_lengths[0]


def _merged(
    found: list[np.ndarray], lengths: list[np.ndarray], most: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    everything, all_lengths = np.concatenate(found), np.concatenate(lengths)
    finite = np.isfinite(all_lengths)
    everything, all_lengths = everything[finite], all_lengths[finite]
    chosen = _smallest(all_lengths, most)
    return [everything[chosen]], [all_lengths[chosen]]


def best_triples(narrow: Design, wide: Design, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (found, 3) of the best triples: two columns of the narrow design and one of the wide one.

    The cost is narrow² · wide / 2 after two matrix products.
    """
    m = len(narrow.rows)
    if m < 2 or not len(wide.rows):
        return np.zeros((0, 3), dtype=int), np.zeros(0)
    gram = narrow.rows @ narrow.rows.T
    cross = narrow.rows @ wide.rows.T
    score, other = narrow.rows @ narrow.target, wide.rows @ narrow.target
    kept, lengths, worst = [], [], np.float32(np.inf)
    for i in range(m - 1):
        # all that is left beside column i
        rest_wide = 1 - cross[i] ** 2
        fine = np.flatnonzero(rest_wide > _PARALLEL)
        c = gram[i, i + 1 :]
        partners = np.flatnonzero(1 - c * c > _PARALLEL) + i + 1
        if not len(fine) or not len(partners):
            continue
        c = gram[i, partners]
        scale = 1 / np.sqrt(1 - c * c)
        scale_wide = 1 / np.sqrt(rest_wide[fine])
        s = (score[partners] - c * score[i]) * scale
        t = (other[fine] - cross[i, fine] * score[i]) * scale_wide
        g = cross[np.ix_(partners, fine)]
        g -= c[:, None] * cross[i, fine][None]
        g *= scale[:, None]
        g *= scale_wide[None]
        rest = g * g
        np.subtract(1, rest, out=rest)
        bad = rest < _PARALLEL
        np.maximum(rest, np.float32(_PARALLEL), out=rest)
        g *= (-2 * s)[:, None]
        g *= t[None]
        g += (s * s)[:, None]
        g += (t * t)[None]
        g /= rest
        np.subtract(1 - score[i] ** 2, g, out=g)
        np.maximum(g, np.float32(_FLOOR), out=g)
        np.log2(g, out=g)
        g *= np.float32(narrow.points / 2)
        g += (narrow.bits[partners] + narrow.bits[i])[:, None]
        g += wide.bits[fine][None]
        g[bad] = np.inf
        flat = g.ravel()
        below = np.flatnonzero(flat < worst)
        if len(below) > most:
            below = below[_smallest(flat[below], most)]
        kept.append(np.stack([
            np.full(len(below), narrow.index[i]),
            narrow.index[partners[below // len(fine)]],
            wide.index[fine[below % len(fine)]],
        ], axis=1))  # fmt: skip
        lengths.append(flat[below])
        if sum(map(len, lengths)) > 4 * most:
            kept, lengths = _merged(kept, lengths, most)
            worst = lengths[0][-1] if len(lengths[0]) == most else worst
    if not kept:
        return np.zeros((0, 3), dtype=int), np.zeros(0)
    kept, lengths = _merged(kept, lengths, most)
    return kept[0], lengths[0]


def extended(design: Design, found: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Each of the found combinations (indices as given to the design) with the one more column that helps it most."""
    position = {int(index): row for row, index in enumerate(design.index)}
    results, lengths = [], []
    for combination in found:
        places = [position[int(index)] for index in combination if int(index) in position]
        if len(places) != len(combination):
            continue
        q, _ = np.linalg.qr(design.rows[places].astype(np.float64).T)
        q = q.astype(np.float32)
        target = design.target - q @ (q.T @ design.target)
        left = np.maximum(1 - np.sum((design.rows @ q) ** 2, axis=1), 1e-9)
        score = (design.rows @ target) ** 2 / left
        score[left < _PARALLEL] = 0
        length = _length(1 - float(target @ target) + score, design.points) + design.bits
        length += design.bits[places].sum()
        length[places] = np.inf
        best = _smallest(length, 3)
        best = best[np.isfinite(length[best])]
        results += [[*map(int, combination), int(design.index[k])] for k in best]
        lengths += length[best].tolist()
    if not results:
        return np.zeros((0, found.shape[1] + 1), dtype=int), np.zeros(0)
    everything = np.array(results)
    chosen = _smallest(np.array(lengths), most)
    return everything[chosen], np.array(lengths)[chosen]
