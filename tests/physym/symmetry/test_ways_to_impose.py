"""The script that sets the ways to impose a symmetry side by side, on a few small runs: what it learns and draws."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from physym.symmetry import frame_average
from simulators.errors import InputError

SCRIPT = Path(__file__).parents[3] / "scripts" / "ways_to_impose.py"
EXACT = ("canonical form", "frames", "equivariant layers", "invariants", "cubic, equivariant map")


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("ways_to_impose", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["ways_to_impose"] = module
    specification.loader.exec_module(module)
    module.TEST, module.PATHS, module.STRIDES, module.SAMPLES = 100, 5, 100, 16
    yield module
    del sys.modules["ways_to_impose"]


@pytest.fixture(scope="module")
def rows(script):
    return {way: script.measured(way, 100, 0, False, 20) for way in script.WAYS}


def test_the_truth_turns_with_the_clouds(script):
    rng = np.random.default_rng(0)
    x, g = script.clouds(50, rng), script.GROUP.random(rng)
    turned = script.inertia(script.REP_IN.act(g, x))
    np.testing.assert_allclose(turned, script.REP_OUT.act(g, script.inertia(x)), atol=1e-12)
    masses, points = script.parts(x)
    np.testing.assert_array_equal(script.joined(masses, points), x)
    one = masses[0] @ (points[0, :, 1] ** 2 + points[0, :, 2] ** 2)
    assert script.inertia(x)[0, 0] == pytest.approx(one, rel=1e-13)


def test_who_is_exact_whatever_the_weights(rows):
    assert {way for way, row in rows.items() if row["change"] < 1e-13} == set(EXACT)
    assert all(row["change"] > 1e-3 for way, row in rows.items() if way not in EXACT)


def test_who_jumps(rows):
    assert {way for way, row in rows.items() if row["jump"] > 0.2} == {"canonical form", "frames"}
    assert all(row["jump"] < 0.05 for way, row in rows.items() if way not in ("canonical form", "frames"))


def test_a_mean_over_random_elements_states_how_far_it_is_from_equivariant(rows):
    row = rows["augmentation, averaged"]
    assert row["change"] < 0.5 * rows["augmentation"]["change"]
    assert 0.5 * row["states"] < row["change"] < 2 * row["states"]
    assert not any(other["states"] for way, other in rows.items() if way != "augmentation, averaged")


def test_the_law_is_cubic_and_so_fitted_exactly_from_so_many_examples(script, rows):
    assert rows["cubic, equivariant map"]["error"] < 1e-25
    new = script.clouds(100, np.random.default_rng(1))
    for way, enough in (("cubic, any map", 600), ("cubic, equivariant map", 75)):
        for count, exact in ((enough - 10, False), (enough, True)):
            x = script.clouds(count, np.random.default_rng(0))
            predict, _ = script.WAYS[way][0](x, script.inertia(x), 0, 0)
            assert (np.abs(predict(new) - script.inertia(new)).max() < 1e-8) == exact


def test_the_mean_over_the_cube_is_exact_for_the_cube(script):
    x = script.clouds(20, np.random.default_rng(0))
    predict, _ = script.WAYS["mean over B3"][0](x, script.inertia(x), 5, 0)
    for g in script.symmetry.Hyperoctahedral(3).elements()[::7]:
        moved = script.REP_OUT.act(g, predict(x))
        np.testing.assert_allclose(predict(script.REP_IN.act(g, x)), moved, atol=1e-13)


def test_frames_are_those_of_the_frame_average(script):
    x = script.clouds(20, np.random.default_rng(0))
    y = script.inertia(x)
    script.torch.manual_seed(0)
    net = script.perceptron().requires_grad_(requires_grad=False)
    masses, points = script.parts(x)

    def f(form):
        return net(script.torch.from_numpy(script.joined(masses, form))).numpy() * np.sqrt(np.mean(y**2))

    predict, _ = script.WAYS["frames"][0](x, y, 0, 0)
    np.testing.assert_allclose(predict(x), frame_average(f, script.GROUP, script.REP_OUT)(points), atol=1e-13)


def test_frames_refuse_equal_moments(script):
    x = script.clouds(20, np.random.default_rng(0))
    predict, _ = script.WAYS["frames"][0](x, script.inertia(x), 0, 0)
    with pytest.raises(InputError, match="distinct principal axes"):
        predict(script.joined(np.ones((1, 5)), np.eye(5, 3)[None]))


def test_augmentation_and_penalty_lower_the_violation(script):
    x = script.clouds(300, np.random.default_rng(0))
    new = script.clouds(200, np.random.default_rng(1))
    moved = script.REP_IN.act(-np.eye(3), new)
    off = {}
    for way in ("no symmetry", "augmentation", "penalty"):
        predict, _ = script.WAYS[way][0](x, script.inertia(x), 100, 0)
        off[way] = np.mean((predict(moved) - predict(new)) ** 2)
    assert max(off["augmentation"], off["penalty"]) < 0.5 * off["no symmetry"]


def test_it_learns_measures_and_draws(script, tmp_path, monkeypatch, capsys):
    path = tmp_path / "out.png"
    words = ["", "--ways", "no symmetry", "cubic, equivariant map", "--sizes", "20", "80", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", [*words, "--steps", "3", "--figure", str(path)])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["way", "exact", "for", "weights", "s", "20", "80", "flat", "turned", "change", "jump"]
    assert [line[:24].strip() for line in lines[1:3]] == ["no symmetry", "cubic, equivariant map"]
    assert float(lines[2].split()[-5]) < 1e-18
    assert lines[-1] == str(path)
    assert path.stat().st_size > 10_000
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_means_over_seeds_are_geometric(script):
    rows = {("a", 10, seed, False): {"error": error} for seed, error in enumerate((1e-2, 1e-4))}
    assert script.errors(rows, [10], 2) == {"a": [pytest.approx(1e-3)]}
