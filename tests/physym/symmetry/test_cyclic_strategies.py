"""The five strategies side by side: what each must keep, and numbers that any of them can be held to."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from physym.symmetry.cyclic import (
    all_strings,
    autocorrelation,
    best_error,
    bispectrum_features,
    collisions,
    compare,
    least_rotation,
    least_squares_error,
    longest_run,
    orbit_table,
    power_spectrum,
    representatives,
)
from physym.symmetry.cyclic.nets import Aligner, Convolutional, Places, convolutional
from physym.symmetry.cyclic.tasks import turned
from simulators.errors import InputError

STRATEGIES = (
    "raw bits", "quotient table", "augmentation", "power spectrum", "bispectrum", "equivariant layers",
    "least rotation", "aligner, free", "aligner, equivariant",
)  # fmt: skip
EXACT = tuple(name for name in STRATEGIES if name not in ("raw bits", "augmentation", "aligner, free"))


class Nearest:
    """An estimator of one neighbour, as scikit-learn would call it."""

    def fit(self, x, y):
        self.x, self.y = x, y
        return self

    def predict(self, x):
        return self.y[((x[:, None] - self.x) ** 2).sum(axis=-1).argmin(axis=1)]


def by_hand(word):
    """The longest run of a list of bits."""
    if all(word):
        return len(word)
    start = word.index(0)
    return max(map(len, "".join(map(str, word[start:] + word[:start])).split("0")))


def test_the_longest_run():
    strings = all_strings(9)
    assert longest_run(strings).tolist() == [by_hand(word) for word in strings.tolist()]
    values = longest_run(all_strings(16))
    assert round(values.mean(), 6) == 3.638947
    assert round(values.var(), 6) == 2.858929


def test_errors_with_all_data():
    """Least squares on bits sees their number only; on the autocorrelation more, but not all there is in it."""
    strings = all_strings(16)
    values = longest_run(strings)
    found = collisions(16, "autocorrelation")
    assert round(least_squares_error(strings, values), 5) == 0.90545
    assert round(least_squares_error(autocorrelation(strings)[:, :9], values), 5) == 0.51997
    # the mean of all turns of the bits is the number of ones over N: the best linear function is invariant already
    assert round(least_squares_error(strings.sum(axis=1)[:, None], values), 5) == 0.90545
    assert round(best_error(found.labels[orbit_table(16)], values), 5) == 0.14050
    assert best_error(orbit_table(16), values) == 0


@pytest.fixture(scope="module")
def report():
    return compare(N=8, train=60, test=300, seed=1, steps=120)


def test_exact_strategies_do_not_change_under_turns(report):
    assert tuple(each.strategy for each in report.outcomes) == STRATEGIES
    for name in EXACT:
        outcome = report[name]
        assert outcome.invariance < 1e-12
        assert abs(outcome.error - outcome.shifted) < 1e-12
    for name in set(STRATEGIES) - set(EXACT):
        assert report[name].invariance > 0.05


def test_what_the_strategies_reach(report):
    # the table knows its strings in every turn, and of others only the mean
    assert report["quotient table"].seen == 0
    others = longest_run(all_strings(8))
    assert abs(report["quotient table"].unseen - np.abs(others - others.mean()).mean()) < 0.5
    assert report["equivariant layers"].error < report["raw bits"].error
    assert report["augmentation"].error < report["raw bits"].error
    assert all(0 < each.error < 2 for each in report.outcomes)
    # a table takes a loop over its strings, a net some hundred steps
    assert 0 <= report["quotient table"].seconds < report["equivariant layers"].seconds < 60


def test_errors_of_the_table_by_hand(report):
    """Its test strings are those of the same seed, and all that it gets wrong are of orbits that it has not seen."""
    rng = np.random.default_rng(1)
    x, new = rng.integers(0, 2, (60, 8)), rng.integers(0, 2, (300, 8))
    known = set(map(bytes, least_rotation(x.astype(np.uint8)).strings))
    fresh = np.array([bytes(row) not in known for row in least_rotation(new.astype(np.uint8)).strings])
    off = np.abs(longest_run(new[fresh]) - longest_run(x).mean())
    assert report.orbits == len(known)
    assert report["quotient table"].unseen == pytest.approx(off.mean(), rel=1e-12)
    assert report["quotient table"].error == pytest.approx(off.sum() / 300, rel=1e-12)


def test_the_report_as_a_table(report):
    head, titles, *rows = str(report).splitlines()
    assert head.startswith("N = 8, 60 training strings (")
    assert titles.split() == ["strategy", "test", "turned", "seen", "unseen", "change", "s"]
    assert len(rows) == len(STRATEGIES)
    assert "tells 29 of 36 orbits apart" in str(report)
    assert all(row.startswith(name) for row, name in zip(rows, STRATEGIES, strict=True))
    with pytest.raises(KeyError, match="expected one of raw bits"):
        report["voodoo"]


def test_the_same_seed_gives_the_same_report():
    """But for the seconds; and the state of torch's own generator is nobody's business."""
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one = compare(N=5, train=10, test=20, seed=3, steps=5)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(6)
    other = compare(N=5, train=10, test=20, seed=3, steps=5)
    for a, b in zip(one.outcomes, other.outcomes, strict=True):
        assert (a.error, a.shifted, a.seen, a.invariance) == (b.error, b.shifted, b.seen, b.invariance)


def test_an_estimator_of_ones_own_and_posed_strings():
    found = compare(N=8, train=80, test=200, seed=0, estimator=Nearest(), posed=True, steps=2)
    # strings in their least rotation: the gauge changes nothing, and only turned strings tell
    assert found["raw bits"].error == found["least rotation"].error
    assert found["raw bits"].shifted > 2 * found["least rotation"].shifted
    # the neighbour of a turned training string among all turns is itself
    assert found["augmentation"].seen == 0
    assert found["raw bits"].seen > 0.5
    assert "all in their least rotation" in str(found)


def test_a_target_of_ones_own():
    sums = compare(N=4, train=30, test=50, target=lambda strings: strings.sum(axis=1), estimator=Nearest(), steps=2)
    assert sums["quotient table"].seen == 0
    with pytest.raises(InputError, match=r"a function of necklaces, given one that a turn by \d of \[.*average it"):
        compare(N=4, target=lambda strings: strings[:, 0], steps=1)


def test_turns_of_rows():
    rows, turns = np.random.default_rng(0).integers(0, 9, (6, 5)), np.array([0, 1, 4, 3, 5, -1])
    np.testing.assert_array_equal(turned(rows, turns), [np.roll(row, n) for row, n in zip(rows, turns, strict=True)])


def test_features_are_invariant_and_complete_enough():
    strings = representatives(7)
    features = bispectrum_features(strings)
    assert features.shape == (20, 7 * 8)
    turns = np.random.default_rng(0).integers(0, 7, 20)
    np.testing.assert_allclose(bispectrum_features(turned(strings, turns)), features, atol=1e-12)
    apart = np.abs(features[:, None] - features).max(axis=-1) + np.eye(20)
    assert apart.min() > 1e-3
    # the power spectrum is not: of each of two pairs of mirror images it makes one
    power = power_spectrum(strings)
    same = np.abs(power[:, None] - power).max(axis=-1) < 1e-10
    assert (same.sum() - 20) / 2 == 20 - collisions(7, "power_spectrum").separated == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 17])
def test_layers_turn_with_the_string_and_see_all_of_it(size):
    torch.manual_seed(size)
    x = torch.randn(3, size, requires_grad=True)
    layers = Places(size).double()
    out = layers(x)
    for n in range(size):
        torch.testing.assert_close(layers(x.roll(n, dims=1)), out.roll(n, dims=1), rtol=0, atol=1e-14)
    net = Convolutional(size).double()
    torch.testing.assert_close(net(x.roll(1, dims=1)), net(x), rtol=0, atol=1e-14)
    seen = torch.zeros(size, dtype=torch.bool)
    for channel in range(24):
        (slope,) = torch.autograd.grad(layers(x)[:, 0, channel].sum(), x)
        seen |= (slope != 0).any(dim=0)
    assert seen.all()


def test_aligners():
    torch.manual_seed(0)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((50, 9)))
    for equivariant in (True, False):
        net = Aligner(9, equivariant=equivariant).double()
        with torch.no_grad():
            aligned = net.aligned(x)
            same = (net.aligned(x.roll(4, dims=1)) == aligned).all(dim=1)
        # what comes out is a turn of what went in, bit for bit
        np.testing.assert_array_equal(least_rotation(aligned.numpy()).strings, least_rotation(x.numpy()).strings)
        assert bool(same.all()) == equivariant
        # the choice learns: slopes reach the scores
        net(x).sum().backward()
        scores = net.scores if equivariant else net.free
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in list(scores.parameters())[:2])


def test_a_feature_that_is_constant_but_for_rounding_tells_nothing():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    x[:, 1] = 1 + 1e-15 * rng.standard_normal(40)
    found = convolutional(steps=1, seed=0)
    found.shared = False
    found.fit(x, x[:, 0])
    other = x.copy()
    other[:, 1] += 1e-13
    np.testing.assert_array_equal(found.predict(x), found.predict(other))


def test_import_needs_no_torch():
    code = "import sys, physym.symmetry.cyclic; print({'torch', 'numba', 'sympy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: compare(0), "N: expected an integer >= 1"),
        (lambda: compare(train=0), "train: expected an integer >= 1"),
        (lambda: compare(steps=1.5), "steps: expected an integer >= 1"),
        (lambda: compare(seed=-1), "seed: expected an integer >= 0"),
        (lambda: compare(target=None), "target: expected a function from strings .*, given None"),
        (
            lambda: compare(target=lambda s: [[1], [1, 2]]),
            "target: expected an array of numbers, all rows of one length",
        ),
        (lambda: compare(estimator=3), r"expected an object with fit\(X, y\) and predict\(X\), given 3"),
        (lambda: compare(estimator=Nearest), "expected an object with fit"),
        (lambda: compare(target=lambda s: s, steps=1), "target: expected a finite number for each of 500 strings"),
        (lambda: compare(target=lambda s: s[:, 0] * np.nan, steps=1), "expected a finite number"),
        (lambda: longest_run([0, 2]), "expected bits 0 and 1, given 2"),
        (lambda: least_squares_error([1.0], [1.0]), r"expected \(samples, features\)"),
        (lambda: least_squares_error([[1.0], [1.0, 2.0]], [1.0]), "features: expected an array of numbers"),
        (lambda: best_error([0.5], [1.0]), "labels: expected integers"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()
