"""Correlations and spectra: invariance, what they tell apart, and strings from their bispectrum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry.cyclic import (
    all_strings,
    autocorrelation,
    bispectrum,
    collisions,
    correlation,
    four_point,
    from_bispectrum,
    least_rotation,
    power_spectrum,
    representatives,
    triple_correlation,
)
from simulators.errors import InputError

ALL = (autocorrelation, triple_correlation, four_point, power_spectrum, bispectrum)


def distance(x, y):
    """Between orbits: the least of all turns."""
    return np.min([np.abs(np.roll(y, n, axis=-1) - x).max(axis=-1) for n in range(x.shape[-1])], axis=0)


def has_no_zero(strings):
    return (np.abs(np.fft.fft(strings, axis=-1)) > 1e-9).all(axis=-1)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=7), st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_no_turn_changes_them(word, turn):
    moved = np.roll(word, turn)
    for invariant in (autocorrelation, triple_correlation, four_point):
        np.testing.assert_array_equal(invariant(word), invariant(moved))
    for invariant in (power_spectrum, bispectrum):
        size = 1 + np.abs(invariant(word)).max()
        assert np.abs(invariant(word) - invariant(moved)).max() < 1e-13 * size * len(word)


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_correlations_by_the_formula(points):
    x = np.random.default_rng(points).integers(-5, 6, 5)
    found = correlation(x, points)
    assert found.dtype == np.int64
    assert found.shape == (5,) * (points - 1)
    for shifts in itertools.product(range(5), repeat=points - 1):
        wanted = sum(int(x[m]) * int(np.prod([x[(m + k) % 5] for k in shifts])) for m in range(5))
        assert found[shifts] == wanted


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_spectra_are_the_transforms_of_correlations(size):
    x = np.random.default_rng(size).standard_normal((3, size))
    power = np.fft.rfft(autocorrelation(x), axis=-1)
    np.testing.assert_allclose(power_spectrum(x), power, atol=1e-12)
    # Σ_jk t(j, k) exp(-2πi (pj + qk)/N) = X_p X_q conj(X_{p+q})
    np.testing.assert_allclose(bispectrum(x), np.fft.fft2(triple_correlation(x)), atol=1e-12)


def test_large_batches_are_cut_into_parts():
    x = np.random.default_rng(0).integers(0, 9, (3, 50_000, 6))
    found = triple_correlation(x)
    for place in [(0, 0), (1, 777), (2, 49_999)]:
        np.testing.assert_array_equal(found[place], triple_correlation(x[place]))


@pytest.mark.parametrize(
    ("size", "name", "separated"),
    [
        (6, "autocorrelation", 13), (8, "autocorrelation", 29), (16, "autocorrelation", 1876),
        (12, "triple_correlation", 351), (14, "triple_correlation", 1181), (16, "triple_correlation", 4112),
        (12, "four_point", 352),
    ],
)  # fmt: skip
def test_numbers_of_necklaces_told_apart(size, name, separated):
    found = collisions(size, name)
    assert found.separated == separated
    assert found.complete == (separated == found.orbits)
    call = {each.__name__: each for each in (autocorrelation, triple_correlation, four_point)}[name]
    for one, other in found.pairs()[:20]:
        np.testing.assert_array_equal(call(one), call(other))
        assert (least_rotation(one).strings != least_rotation(other).strings).any()


@pytest.mark.parametrize("size", [*range(1, 12), 13, 15, 17, 19])
def test_the_bispectrum_separates_all_orbits_of(size):
    assert collisions(size, "triple_correlation").complete


def test_the_power_spectrum_fails_first_on_mirror_images_and_then_on_others():
    assert all(collisions(size, "autocorrelation").complete for size in range(1, 6))
    pair = collisions(6, "autocorrelation").pairs()
    assert len(pair) == 1
    chiral = least_rotation([[1, 1, 0, 1, 0, 0], [1, 1, 0, 0, 1, 0]]).strings
    assert sorted(pair[0].tolist()) == sorted(chiral.tolist())
    for size in range(1, 8):
        assert not len(collisions(size, "autocorrelation").pairs(mirrored=False))
    (pair,) = collisions(8, "autocorrelation").pairs(mirrored=False)
    supports = np.zeros((2, 8), np.uint8)
    supports[0, [0, 1, 3, 4]] = supports[1, [0, 1, 2, 5]] = 1
    assert sorted(pair.tolist()) == sorted(least_rotation(supports).strings.tolist())
    np.testing.assert_allclose(power_spectrum(pair[0]), power_spectrum(pair[1]), atol=1e-13)


def test_the_bispectrum_fails_first_at_twelve_and_four_points_help():
    (pair,) = collisions(12, "triple_correlation").pairs()
    assert ["".join(map(str, word)) for word in pair.tolist()] == ["000100111011", "000110111001"]
    np.testing.assert_allclose(bispectrum(pair[0]), bispectrum(pair[1]), atol=1e-12)
    for word in pair:
        assert np.flatnonzero(np.abs(np.fft.fft(word)) < 1e-12).tolist() == [2, 4, 6, 8, 10]
    assert (four_point(pair[0]) != four_point(pair[1])).any()


@pytest.mark.parametrize(
    ("spectrum", "correlation"), [("power_spectrum", "autocorrelation"), ("bispectrum", "triple_correlation")]
)
def test_spectra_tell_apart_what_correlations_do(spectrum, correlation):
    np.testing.assert_array_equal(collisions(12, spectrum).labels, collisions(12, correlation).labels)
    # as by the spectra themselves
    call = {"power_spectrum": power_spectrum, "bispectrum": bispectrum}[spectrum]
    pair = collisions(12, spectrum).pairs()[0]
    np.testing.assert_allclose(call(pair[0]), call(pair[1]), atol=1e-12)
    with pytest.raises(InputError, match="or a function, given 3"):
        collisions(5, 3)


def test_a_function_of_ones_own():
    found = collisions(5, lambda strings: strings.sum(axis=1))
    assert found.separated == 6
    with pytest.raises(InputError, match=r"expected integers \(8, ...\), given float64"):
        collisions(5, lambda strings: strings.mean(axis=1))
    with pytest.raises(InputError, match="'power_spectrum', 'bispectrum' or a function, given 'power'"):
        collisions(5, "power")


@pytest.mark.parametrize(("size", "share"), [(6, 0.43), (12, 0.61)])
def test_share_of_necklaces_that_the_bispectrum_fixes(size, share):
    assert round(float(has_no_zero(representatives(size)).mean()), 2) == share


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13, 64])
def test_strings_from_their_bispectrum(size):
    x = np.random.default_rng(size).standard_normal((2, 20, size))
    found = from_bispectrum(bispectrum(x))
    assert found.shape == x.shape
    lost = distance(x, found) * np.abs(np.fft.fft(x, axis=-1)).min(axis=-1)
    assert lost.max() < 1e-14
    # of negative sum too
    assert distance(-x, from_bispectrum(bispectrum(-x))).max() < 1e-12


@pytest.mark.parametrize("size", [6, 8, 10, 12])
def test_bits_from_their_bispectrum(size):
    x = all_strings(size)
    x = x[has_no_zero(x)][::7]
    found = from_bispectrum(bispectrum(x))
    assert distance(x, found).max() < 1e-15 * 2
    np.testing.assert_array_equal(least_rotation(found.round()).strings, least_rotation(x).strings)


def test_a_coefficient_that_vanishes_is_named_with_a_remedy():
    with pytest.raises(InputError, match=r"given zero at k = 2, 4, 6, 8, 10; use four_point.*least_rotation"):
        from_bispectrum(bispectrum([0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1]))
    x = np.random.default_rng(0).standard_normal((3, 6))
    x[1] -= x[1].mean()
    with pytest.raises(InputError, match=r"given zero of string 1 at k = 0; take the bispectrum of x plus a constant"):
        from_bispectrum(bispectrum(x))
    # the remedy works
    assert distance(x, from_bispectrum(bispectrum(x + 10)) - 10).max() < 1e-12


def test_a_sum_of_zero_hides_other_coefficients():
    """Of (1, -1, 1, -1) all products vanish, though X_2 does not; a constant shows that X_1 and X_3 do."""
    x = np.array([1.0, -1.0, 1.0, -1.0])
    with pytest.raises(InputError, match=r"at k = 0, and in all products at k = 1, 2, 3; .*constant.* least_rotation"):
        from_bispectrum(bispectrum(x))
    with pytest.raises(InputError, match=r"given zero at k = 1, 3; use four_point"):
        from_bispectrum(bispectrum(x + 1))
    # where some products are left, only what is in none of them is named: here X_3
    modes = np.fft.rfft(np.random.default_rng(0).standard_normal((2, 6)))
    modes[1, [0, 3]] = 0
    with pytest.raises(InputError, match=r"given zero of string 1 at k = 0, and in all products at k = 3;"):
        from_bispectrum(bispectrum(np.fft.irfft(modes, 6)))
    # the remedy may do, where nothing vanished but the sum
    pair = np.array([1.0, -1.0])
    with pytest.raises(InputError, match="at k = 0, and in all products at k = 1;"):
        from_bispectrum(bispectrum(pair))
    assert distance(pair, from_bispectrum(bispectrum(pair + 2)) - 2).max() < 1e-14


def test_what_is_no_bispectrum_is_refused():
    true = bispectrum(np.random.default_rng(0).standard_normal(5) + 2)
    wrong = true.copy()
    wrong[2, 2] *= 1j
    with pytest.raises(InputError, match=r"no string has within .*raise tolerance"):
        from_bispectrum(wrong)
    noisy = true * (1 + 1e-4 * np.random.default_rng(1).standard_normal(true.shape))
    with pytest.raises(InputError, match="raise tolerance"):
        from_bispectrum(noisy)
    assert distance(from_bispectrum(true), from_bispectrum(noisy, tolerance=0.1)) < 1e-2


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: from_bispectrum(np.zeros((3, 4))), r"expected numbers \(..., N, N\)"),
        (lambda: from_bispectrum(np.full((2, 2), np.nan)), "expected finite numbers"),
        (lambda: from_bispectrum(np.ones((2, 2)), tolerance=0), "tolerance: expected a number > 0"),
        (lambda: from_bispectrum([[1], [1, 2]]), "spectrum: expected an array of numbers, all rows of one length"),
        (lambda: four_point(np.ones(600)), r"at most a gigabyte, given the correlations of 4 .* shape \(600,\); take"),
        (lambda: triple_correlation(np.ones((2**16, 64))), "at most a gigabyte"),
        (lambda: correlation([1, 2], 10**9), "at most a gigabyte"),
        (lambda: bispectrum(np.ones(2**13 + 1)), "at most a gigabyte, given the bispectra of strings"),
        (lambda: correlation([1, 2], 0), "points: expected an integer >= 1"),
        (lambda: correlation([2**40, 0], 2), "to fit 64 bits"),
        (lambda: correlation([np.inf, 0.0], 2), "given infinity"),
        (lambda: power_spectrum([1j]), "expected real numbers"),
        (lambda: bispectrum([]), "N >= 1"),
        (lambda: bispectrum([np.inf]), "given infinity"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()


def test_each_takes_batches():
    x = np.random.default_rng(0).integers(0, 2, (2, 3, 5))
    for invariant in ALL:
        found = invariant(x)
        assert found.shape[:2] == (2, 3)
        np.testing.assert_allclose(found[1, 2], invariant(x[1, 2]), atol=1e-12)
