"""Five ways to impose that an answer does not change under turns, side by side on one task.

1. *Quotient table*: the mean answer of each necklace seen. Exact, and silent about necklaces that were not seen.
2. *Augmentation*: all N turns of every training string, and a learner that knows nothing of turns.
3. *Invariant features*: the power spectrum or the bispectrum, and the same learner.
4. *Equivariant layers with pooling*: circular convolutions, then mean and maximum over places.
5. *Gauge fixing*: one string for all of an orbit, and the same learner: the least rotation, or a learned choice.

Beside them stand the raw bits, with nothing imposed. All see the same training strings, and the learner is the same but
for 1, which has none, and 4 and the learned gauges, which are nets of their own.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from physym.symmetry.cyclic.collisions import collisions
from physym.symmetry.cyclic.necklaces import count_orbits
from physym.symmetry.cyclic.rotation import least_rotation
from physym.symmetry.cyclic.spectra import bispectrum, power_spectrum
from physym.symmetry.cyclic.tasks import longest_run, require_invariant, turned
from simulators.errors import InputError
from simulators.parameters import count

__all__ = ["Outcome", "Report", "bispectrum_features", "compare"]

Predict = Callable[[np.ndarray], np.ndarray]
# up to here it takes a second to ask every necklace whether an invariant tells it from the others
_COUNTED = 18


@dataclass(frozen=True)
class Outcome:
    """What one strategy reached; errors are means of |prediction - truth|.

    Attributes:
        strategy: its name.
        error: on test strings.
        shifted: on the same strings, each turned at random.
        seen: on the training strings, each turned at random.
        unseen: on the test strings whose orbit holds no training string; NaN if there are none.
        invariance: the largest change of a prediction under a turn of a test string.
        seconds: of processor time to prepare the features and to learn.
        note: what is exact, and what is told apart.
    """

    strategy: str
    error: float
    shifted: float
    seen: float
    unseen: float
    invariance: float
    seconds: float
    note: str


@dataclass(frozen=True)
class Report:
    """All strategies on one task; `print` shows a table.

    Attributes:
        size: number N of bits.
        train: number of training strings.
        orbits: how many orbits they touch.
        posed: whether strings came in their least rotation.
        outcomes: one for each strategy.
    """

    size: int
    train: int
    orbits: int
    posed: bool
    outcomes: tuple[Outcome, ...]

    def __getitem__(self, strategy: str) -> Outcome:
        """The outcome of a strategy by its name."""
        for outcome in self.outcomes:
            if outcome.strategy == strategy:
                return outcome
        raise KeyError(f"expected one of {', '.join(each.strategy for each in self.outcomes)}; given {strategy!r}")

    def __str__(self) -> str:
        of = f"{self.orbits} of {count_orbits(self.size)} orbits"
        posed = ", all in their least rotation" if self.posed else ""
        head = f"N = {self.size}, {self.train} training strings{posed} ({of}); mean absolute errors"
        columns = ("strategy", "test", "turned", "seen", "unseen", "change", "s", "")
        rows = [
            (
                each.strategy, f"{each.error:.3f}", f"{each.shifted:.3f}", f"{each.seen:.3f}",
                "-" if np.isnan(each.unseen) else f"{each.unseen:.3f}", f"{each.invariance:.1e}",
                f"{each.seconds:.1f}", each.note,
            )
            for each in self.outcomes
        ]  # fmt: skip
        widths = [max(len(row[n]) for row in (columns, *rows)) for n in range(len(columns))]
        lines = [
            "  ".join(
                cell.ljust(width) if n in (0, len(row) - 1) else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (columns, *rows)
        ]
        return "\n".join([head, *lines])


def bispectrum_features(strings: Any) -> np.ndarray:  # noqa: ANN401
    """Real and imaginary parts of B(j, k), j <= k: (..., N (N + 1)); the others are the same again.

    Raises:
        InputError: as `bispectrum`.
    """
    spectrum = bispectrum(strings)
    found = spectrum[(..., *np.triu_indices(spectrum.shape[-1]))]
    return np.concatenate([found.real, found.imag], axis=-1)


def compare(
    N: int = 16,
    *,
    train: int = 500,
    test: int = 4000,
    seed: int = 0,
    target: Callable[[np.ndarray], Any] = longest_run,
    posed: bool = False,
    estimator: Any = None,  # noqa: ANN401
    steps: int = 1500,
) -> Report:
    """Learn a function of necklaces of bits in every way, and say how far each came.

    Args:
        N: number of bits.
        train: training strings, drawn evenly from all 2^N.
        test: test strings, drawn alike.
        seed: of strings and nets.
        target: from strings (n, N) of 0 and 1 to finite numbers (n,): a function of necklaces.
        posed: whether training and test strings are given in their least rotation, as objects on photographs mostly
            stand upright. Errors on `shifted` strings then say who relied on it.
        estimator: the learner of raw bits, augmentation, features and the least rotation: anything with ``fit(X, y)``
            and ``predict(X)``; a copy of it is made for each. A small perceptron by default.
        steps: of training of each net.

    Returns:
        A report with an outcome for each strategy.

    Raises:
        InputError: if a number is no integer >= 1, the target is no function of necklaces, or the estimator is none.
    """
    from physym.symmetry.cyclic import nets

    size, train, test, steps = count("N", N), count("train", train), count("test", test), count("steps", steps)
    seed = count("seed", seed, 0)
    learner = hasattr(estimator, "fit") and hasattr(estimator, "predict") and not isinstance(estimator, type)
    if estimator is not None and not learner:
        raise InputError(f"estimator: expected an object with fit(X, y) and predict(X), given {estimator!r}")
    rng = np.random.default_rng(seed)
    x, new = (rng.integers(0, 2, (n, size), dtype=np.int64) for n in (train, test))
    if posed:
        x, new = least_rotation(x).strings, least_rotation(new).strings
    y, truth = (require_invariant(target, strings, rng) for strings in (x, new))

    def learned(features: Callable[[np.ndarray], np.ndarray], *, augmented: bool = False) -> Callable[[], Predict]:
        def fit() -> Predict:
            own = nets.plain(steps=steps, seed=seed) if estimator is None else copy.deepcopy(estimator)
            copies = range(size if augmented else 1)
            given = np.concatenate([np.roll(x, n, axis=1) for n in copies])
            own.fit(features(given).astype(float), np.tile(y, len(copies)))
            return lambda strings: np.asarray(own.predict(features(strings).astype(float)), dtype=float).reshape(-1)

        return fit

    def net(own: nets.Estimator) -> Callable[[], Predict]:
        def fit() -> Predict:
            own.fit(x.astype(float), y)
            return lambda strings: own.predict(strings.astype(float))

        return fit

    power, triple = (_told_apart(size, name) for name in ("autocorrelation", "triple_correlation"))
    free, tied = (nets.aligner(equivariant=each, steps=steps, seed=seed) for each in (False, True))
    ways: dict[str, tuple[Callable[[], Predict], str]] = {
        "raw bits": (learned(lambda s: s), "no symmetry"),
        "quotient table": (lambda: _table(x, y), "exact; complete; an unseen orbit gets the mean"),
        "augmentation": (learned(lambda s: s, augmented=True), f"approximate; {size} times the data"),
        "power spectrum": (learned(power_spectrum), f"exact; {power}"),
        "bispectrum": (learned(bispectrum_features), f"exact; {triple}"),
        "equivariant layers": (net(nets.convolutional(steps=steps, seed=seed)), "exact; as complete as it is wide"),
        "least rotation": (learned(lambda s: least_rotation(s).strings), "exact; complete; jumps at ties"),
        "aligner, free": (net(free), "approximate; nothing makes the choice turn along"),
        "aligner, equivariant": (net(tied), "exact but at ties; complete; jumps at ties"),
    }
    turns = rng.integers(1, max(size, 2), train), rng.integers(1, max(size, 2), test)
    moved = turned(x, turns[0]), turned(new, turns[1])
    canonical = {row.tobytes() for row in least_rotation(x).strings}
    fresh = np.array([row.tobytes() not in canonical for row in least_rotation(new).strings])
    outcomes = []
    for name, (fit, note) in ways.items():
        began = time.process_time()
        predict = fit()
        spent = time.process_time() - began
        here, there = predict(new), predict(moved[1])
        off = np.abs(here - truth)
        change = np.abs(there - here).max()
        for n in range(1, min(size, 64)):
            change = max(change, np.abs(predict(np.roll(new[:256], n, axis=1)) - here[:256]).max())
        outcomes.append(
            Outcome(
                name,
                float(off.mean()),
                float(np.abs(there - truth).mean()),
                float(np.abs(predict(moved[0]) - y).mean()),
                float(off[fresh].mean()) if fresh.any() else float("nan"),
                float(change),
                spent,
                note,
            )
        )
    return Report(size, train, len(canonical), posed, tuple(outcomes))


def _table(x: np.ndarray, y: np.ndarray) -> Predict:
    """The mean answer of each orbit, which is found by its least rotation: no table of all 2^N strings is needed."""
    seen: dict[bytes, list[float]] = {}
    for row, value in zip(least_rotation(x).strings, y, strict=True):
        seen.setdefault(row.tobytes(), []).append(float(value))
    answers, default = {key: float(np.mean(values)) for key, values in seen.items()}, float(y.mean())
    return lambda strings: np.array([answers.get(row.tobytes(), default) for row in least_rotation(strings).strings])


def _told_apart(size: int, invariant: Any) -> str:  # noqa: ANN401
    if size > _COUNTED:
        return "not complete" if invariant == "autocorrelation" else "complete where no coefficient vanishes"
    found = collisions(size, invariant)
    return "complete" if found.complete else f"tells {found.separated} of {found.orbits} orbits apart"
