"""Point charges: Ewald sums against closed forms, Gauss's law and each other; energy, symmetries, motion."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

import physym
from physym.symmetry import Hyperoctahedral, act
from simulators import InputError, PointCharges, Uniform, registered, validate
from simulators.point_charges import ewald

BOXES = [(1.0, 1.5), (1.0, 1.2, 1.5)]
ONE = {"permittivity": 1.0, "mass": 1.0, "depth": 1.0}


def bodies(lengths: tuple[float, ...], count: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places all over some boxes, and charges that are not neutral."""
    rng = np.random.default_rng(seed)
    return (4 * rng.random((count, len(lengths))) - 2) * np.array(lengths), rng.standard_normal(count)


def put(data: xr.Dataset, **values: Any) -> xr.Dataset:
    """The dataset with other numbers in some variables."""
    return data.assign({name: data[name].copy(data=np.asarray(array)) for name, array in values.items()})


def boxed(lengths: Any, cell: float, charges: Any, **more: Any) -> PointCharges:
    settings = {**ONE, "radius": 2.5 * cell, "separation": 0.0, "speed": 0.0} | more
    return PointCharges(length=lengths, cell=cell, bodies=len(charges), charge=charges, **settings)


def test_it_is_known_and_its_data_are_valid() -> None:
    model = PointCharges(length=0.16, bodies=3, separation=0.03)
    assert registered()["PointCharges"].command() == "point-charges"
    start = model.sample(2)
    run = model.simulate(start, [0.0, 0.1, 0.2])
    validate(start)
    validate(run)
    assert run.field.dims == ("sample", "time", "y", "x", "i")
    assert run.position.dims == ("sample", "time", "body", "i")
    assert {run[name].attrs["role"] for name in ("field", "charge_density")} == {"diagnostic"}
    for name in ("position", "momentum", "field", "charge_density"):
        np.testing.assert_array_equal(run[name][:, 0], start[name])
    assert float(run.x[0]) == -0.075
    bare = model.simulate(start.drop_vars(["field", "charge_density", "x", "y"]), [0.0])
    np.testing.assert_array_equal(bare.field[:, 0], start.field)
    flat = model.fields(run).isel(time=2)
    np.testing.assert_array_equal(flat.field, run.field[:, 2])


@pytest.mark.parametrize("lengths", BOXES)
@pytest.mark.parametrize("width", [1e-4, 0.02, 0.1, 0.4])
def test_the_splitting_does_not_matter(lengths: tuple[float, ...], width: float) -> None:
    places, charges = bodies(lengths)
    axes = [np.linspace(-0.3, 1.1 * size, 5) for size in lengths]
    fields = [ewald.field(axes, lengths, places, charges, width, 1.0, s) for s in (None, 0.1, 0.4)]
    energies = [ewald.energy(lengths, places[None], charges[None], width, 1.0, s)[0] for s in (None, 0.1, 0.7)]
    for one in fields[1:]:
        np.testing.assert_allclose(one, fields[0], rtol=0, atol=2e-14 * abs(fields[0]).max())
    np.testing.assert_allclose(energies, energies[0], rtol=1e-12)


def test_a_plane_of_thin_rods_has_the_field_that_is_known() -> None:
    """Rows of rods along y have a closed form; their sum along x then converges fast (Lekner 1991)."""
    (lx, ly), (places, charges) = (1.0, 1.5), bodies((1.0, 1.5))
    axes = [np.linspace(-0.5, 0.5, 6), np.linspace(0.0, 1.4, 4)]
    wanted = np.zeros((4, 6, 2))
    for place, charge in zip(places, charges, strict=True):
        x, y = axes[0] - place[0], (axes[1] - place[1])[:, None]
        x = x - lx * np.round(x / lx)
        for n in range(-10, 11):
            below = 2 * ly * (np.cosh(2 * np.pi * (x - n * lx) / ly) - np.cos(2 * np.pi * y / ly))
            wanted[..., 0] += charge * np.sinh(2 * np.pi * (x - n * lx) / ly) / below
            wanted[..., 1] += charge * np.sin(2 * np.pi * y / ly) / below
        wanted[..., 0] -= charge * x / (lx * ly)
    found = ewald.field(axes, (lx, ly), places, charges, 1e-4, 1.0)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_lattice_has_the_field_of_its_charges_summed_one_by_one() -> None:
    """A cell without dipole moment, for which the sum over growing cubes converges."""
    lengths, places = (1.0, 1.0, 1.0), np.array([[0.1, 0.2, 0.15], [-0.1, -0.2, -0.15], [0.0, 0.0, 0.0]])
    charges = np.array([1.0, 1.0, -2.0])
    axes = [np.array([0.3]), np.array([-0.1]), np.array([0.25])]
    point = np.array([0.3, -0.1, 0.25])

    def direct(most: int) -> np.ndarray:
        steps = np.arange(-most, most + 1.0)
        images = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
        away = point - places - images
        return np.einsum("nbi,nb->i", away, charges / np.sum(away**2, axis=-1) ** 1.5) / (4 * np.pi)

    found = ewald.field(axes, lengths, places, charges, 1e-4, 1.0)[0, 0, 0]
    sums = {most: direct(most) for most in (7, 14, 28)}
    errors = [np.linalg.norm(total - found) / np.linalg.norm(found) for total in sums.values()]
    assert errors[0] > 3.5 * errors[1] > 12 * errors[2]
    # the error falls with the square of the cube's side
    few, many = 29.0**-2, 57.0**-2
    limit = (few * sums[28] - many * sums[14]) / (few - many)
    np.testing.assert_allclose(found, limit, rtol=0, atol=5e-9)


def test_the_constant_of_madelung() -> None:
    places = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    charges = (-1.0) ** places.sum(axis=-1)
    width = 0.05
    alone = 8 / (2 * 4 * np.pi * np.sqrt(np.pi) * width)
    bound = ewald.energy((2.0, 2.0, 2.0), places[None], charges[None], width, 1.0)[0] - alone
    assert -bound * 4 * np.pi / 4 == pytest.approx(1.7475645946331822, rel=1e-12)


@pytest.mark.parametrize("lengths", BOXES)
@pytest.mark.parametrize("width", [1e-3, 0.1])
def test_the_law_of_gauss_and_no_curl(lengths: tuple[float, ...], width: float) -> None:
    """Flux through the sides of a part of the box, and circulation around it, by quadrature."""
    d = len(lengths)
    places, charges = np.array([[0.5, 0.61, 0.7][:d], [0.1, 1.1, 0.2][:d]]), np.array([1.3, -0.4])
    low, high = np.array([0.3, 0.2, 0.25][:d]), np.array([0.8, 0.9, 1.3][:d])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    axes = [0.5 * (a + b) + 0.5 * (b - a) * nodes for a, b in zip(low, high, strict=True)]
    rules = [0.5 * (b - a) * weights for a, b in zip(low, high, strict=True)]
    flux, around = 0.0, 0.0
    for n, (side, sign) in itertools.product(range(d), ((low, -1), (high, 1))):
        face = [np.array([side[m]]) if m == n else axes[m] for m in range(d)]
        field = ewald.field(face, lengths, places, charges, width, 1.0)
        area = np.ones(())
        for m in reversed(range(d)):
            area = area[..., None] * (np.ones(1) if m == n else rules[m])
        flux += sign * np.sum(field[..., n] * area)
    for n, (across, sign) in itertools.product((0, 1), ((0, 1), (1, -1))):
        side = (low, high)[across if n == 0 else 1 - across][1 - n]
        edge = [axes[m] if m == n else np.array([side if m == 1 - n else 0.6]) for m in range(d)]
        field = ewald.field(edge, lengths, places, charges, width, 1.0)[..., n].ravel()
        around += sign * np.sum(field * rules[n])
    inside = charges[0] if width < 0.1 else _inside(low, high, lengths, places, charges, width)
    assert flux == pytest.approx(inside - charges.sum() * np.prod((high - low) / np.array(lengths)), abs=1e-11)
    assert abs(around) < 1e-11


def _inside(
    low: np.ndarray, high: np.ndarray, lengths: tuple[float, ...], places: np.ndarray, charges: np.ndarray, width: float
) -> float:
    """The charge within a part of the box, by error functions."""
    from scipy.special import erf

    total = 0.0
    for place, charge in zip(places, charges, strict=True):
        part = charge
        for a, b, x, size in zip(low, high, place, lengths, strict=True):
            images = x + size * np.arange(-3, 4)
            part *= 0.5 * np.sum(erf((b - images) / width / np.sqrt(2)) - erf((a - images) / width / np.sqrt(2)))
        total += part
    return total


@pytest.mark.parametrize(("lengths", "cell"), [((0.64, 0.48), 0.02), ((0.4, 0.36, 0.32), 0.02)])
def test_density_field_and_energy_agree_on_the_grid(lengths: tuple[float, ...], cell: float) -> None:
    model = boxed(lengths, cell, (1.0, -0.6, 0.3), permittivity=0.7, depth=2.0)
    start, grid = model.sample(1, seed=3), model.grid()
    density, field = start.charge_density.values[0], start.field.values[0]
    source = (density - density.mean()) / 0.7
    spread = grid.divergence(field, "spectral", tensor_order=1)
    np.testing.assert_allclose(spread, source, rtol=0, atol=3e-12 * source.max())
    np.testing.assert_allclose(grid.curl(field, "spectral", tensor_order=1), 0, rtol=0, atol=3e-12 * source.max())
    np.testing.assert_allclose(field.mean(axis=tuple(range(grid.ndim))), 0, rtol=0, atol=1e-12)
    volume = cell**grid.ndim * (2.0 if grid.ndim == 2 else 1.0)
    assert volume * density.sum() == pytest.approx(0.7, rel=1e-13)
    assert float(model.conserved(start).energy[0]) == pytest.approx(0.35 * volume * np.sum(field**2), rel=1e-12)
    # the force is that of the whole field on the charge of one body
    force = model.tendency(start).momentum.values[0]
    for b, charge in enumerate((1.0, -0.6, 0.3)):
        alone = put(start, charge=charge * (np.arange(3) == b))
        own = model.fields(alone).charge_density.values[0]
        wanted = volume * np.sum(own[..., None] * field, axis=tuple(range(grid.ndim)))
        np.testing.assert_allclose(force[b], wanted, rtol=0, atol=2e-13 * abs(force).max())


@pytest.mark.parametrize("radius", [0.002, 0.04, 0.2])
@pytest.mark.parametrize("lengths", BOXES)
def test_the_force_is_the_slope_of_the_energy(lengths: tuple[float, ...], radius: float) -> None:
    model = boxed(lengths, 0.1, (1.0, -2.0, 0.5, 0.7), radius=radius, separation=0.2)
    start, d = model.sample(1, seed=2), len(lengths)
    places, force = start.position.values, model.tendency(start).momentum.values[0]
    h, slope = 2e-4, np.zeros((4, d))
    for b, n in itertools.product(range(4), range(d)):
        for step, weight in ((1, 2 / 3), (-1, -2 / 3), (2, -1 / 12), (-2, 1 / 12)):
            moved = places.copy()
            moved[0, b, n] += step * h
            slope[b, n] += weight / h * float(model.conserved(put(start, position=moved)).energy[0])
    np.testing.assert_allclose(force, -slope, rtol=0, atol=3e-9 * abs(force).max())
    np.testing.assert_allclose(force.sum(axis=0), 0, rtol=0, atol=1e-13 * abs(force).max())


@pytest.mark.parametrize("radius", [0.002, 0.04, 0.2])
@pytest.mark.parametrize("lengths", BOXES)
def test_charges_pass_through_each_other(lengths: tuple[float, ...], radius: float) -> None:
    model, d = boxed(lengths, 0.1, (1.0, -2.0, 0.5), radius=radius), len(lengths)
    places = 0.1 + np.outer((0.0, 0.8 * radius, 0.0), np.ones(d))
    force = model.tendency(put(model.sample(1), position=places[None])).momentum.values[0]
    for b, charge in enumerate((1.0, -2.0, 0.5)):
        at, others = [np.array([x]) for x in places[b]], np.arange(3) != b
        charges = np.array((1.0, -2.0, 0.5))[others]
        field = ewald.field(at, lengths, places[others], charges, radius * np.sqrt(2), 1.0).reshape(d)
        np.testing.assert_allclose(force[b], charge * field, rtol=0, atol=2e-13 * abs(force).max())
    assert abs(force[0]).max() > 0.1


def test_a_rod_is_a_row_of_charges() -> None:
    flat, deep = boxed((0.8, 0.6), 0.1, (1.0, -1.0), depth=0.8), boxed((0.8, 0.6, 0.8), 0.1, (0.1, -0.1) * 10)
    places = np.array([[0.1, 0.05], [-0.2, 0.2]])
    rows = np.array([[*place, 0.08 * n] for n in range(10) for place in places])
    plane = flat.fields(put(flat.sample(1), position=places[None]))
    space = deep.fields(put(deep.sample(1), position=rows[None]))
    for name in ("charge_density", "field"):
        wanted = plane[name].values[0]
        found = space[name].values[0, 3]
        found = found[..., :2] if name == "field" else found
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * abs(wanted).max())


def test_small_oscillations_have_the_known_frequency() -> None:
    """About each other, opposite charges feel the density of one smeared by both, less that of the background."""
    model = boxed((1.0, 1.0), 0.1, (1.0, -1.0), radius=0.05, permittivity=2.0, depth=3.0, mass=(1.0, 2.0))
    start = put(model.sample(1), position=[[[1e-6, 0.0], [-0.5e-6, 0.0]]])
    frequency = np.sqrt((1 / (2 * np.pi * 2 * 0.05**2) - 1.0) / (2 * 2.0 * 3.0) * (1 + 1 / 2))
    times = np.linspace(0, 10 / frequency, 9)
    run = model.simulate(start, times, tolerance=1e-14)
    np.testing.assert_allclose(run.position[0, :, 0, 0], 1e-6 * np.cos(frequency * times), rtol=0, atol=1e-14)


@pytest.mark.parametrize("lengths", BOXES)
def test_a_run_is_that_of_another_solver(lengths: tuple[float, ...]) -> None:
    model = boxed(lengths, 0.1, (1.0, -2.0, 0.5), radius=0.1, speed=0.5, mass=(1.0, 2.0, 0.5))
    start, d = model.sample(1, seed=1), len(lengths)
    mass = np.array([1.0, 2.0, 0.5])[:, None]

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        q, p = y.reshape(2, 3, d)
        force = np.zeros_like(p)
        for b, other in itertools.permutations(range(3), 2):
            charges = start.charge.values[[other]]
            at = [np.array([x]) for x in q[b]]
            unit = ewald.field(at, lengths, q[[other]], charges, 0.1 * np.sqrt(2), 1.0)
            force[b] += start.charge.values[b] * unit.reshape(d)
        return np.concatenate([(p / mass).ravel(), force.ravel()])

    state = np.concatenate([start.position.values.ravel(), start.momentum.values.ravel()])
    wanted = solve_ivp(slope, (0, 0.6), state, method="DOP853", rtol=1e-9, atol=1e-9).y[:, -1]
    run = model.simulate(start, [0.0, 0.3, 0.6]).isel(time=2)
    found = np.concatenate([run.position.values.ravel(), run.momentum.values.ravel()])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-7)


def test_energy_and_momentum_are_kept() -> None:
    model = PointCharges(bodies=4, length=0.32, cell=0.04)
    run = model.simulate(model.sample(3), np.linspace(0, 4, 9))
    kept = model.conserved(run)
    scale = float(np.abs(kept.energy).max())
    np.testing.assert_allclose(kept.energy, kept.energy.values[:, :1].repeat(9, 1), rtol=0, atol=1e-8 * scale)
    np.testing.assert_allclose(kept.momentum, kept.momentum.values[:, :1].repeat(9, 1), rtol=0, atol=1e-18)
    assert float(abs(run.position).max()) > 0.2
    loose = model.conserved(model.simulate(model.sample(3), np.linspace(0, 4, 9), tolerance=1e-5))
    assert float(np.ptp(loose.energy.values, axis=1).max()) > float(np.ptp(kept.energy.values, axis=1).max())


@pytest.mark.parametrize(("lengths", "cell"), [((0.4, 0.4), 0.05), ((0.4, 0.3), 0.05), ((0.3, 0.4, 0.2), 0.05)])
def test_it_commutes_with_the_symmetries_of_the_grid(lengths: tuple[float, ...], cell: float) -> None:
    model = PointCharges(length=lengths, cell=cell, bodies=3)
    start, times = model.sample(2), [0.0, 0.1]
    run = model.simulate(start, times)
    for q in Hyperoctahedral(len(lengths)).elements()[:: 1 if len(lengths) == 2 else 5]:
        wanted, found = act(q, run), model.simulate(act(q, start), times)
        for name in ("position", "momentum", "field", "charge_density"):
            np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-11 * float(abs(wanted[name]).max()))
    shift = np.array([3, -1, 2])[: len(lengths)]
    moved = model.simulate(put(start, position=start.position + cell * shift), times)
    np.testing.assert_allclose(moved.position, run.position + cell * shift, rtol=0, atol=1e-12)
    rolled = np.roll(run.field, shift[::-1], axis=tuple(range(2, 2 + len(lengths))))
    np.testing.assert_allclose(moved.field, rolled, rtol=0, atol=1e-11 * abs(rolled).max())


def test_the_checks_pass() -> None:
    model = PointCharges(length=(0.4, 0.3), cell=0.05, bodies=3, radius=Uniform(0.02, 0.05), mass=Uniform(1e-6, 2e-6))
    report = physym.check(model, verbose=False)
    assert report.passed, str(report)
    names = {"rotations", "reflections", "translations", "units", "time reversal"}
    assert names <= {line.name for line in report.checks}


def test_samples_are_their_own_apart_and_neutral_if_asked() -> None:
    model = PointCharges(bodies=5, cell=0.04, mass=Uniform(1e-6, 2e-6), neutral=True, separation=0.15)
    start = model.sample(4, seed=5)
    xr.testing.assert_equal(start.isel(sample=slice(2, 4)), model.sample(4, seed=5, only=slice(2, 4)))
    np.testing.assert_allclose(start.charge.sum("body"), 0, rtol=0, atol=1e-24)
    assert float(abs(PointCharges(cell=0.04).sample(2).charge.sum("body")).min()) > 1e-11
    away = start.position.values[:, :, None] - start.position.values[:, None]
    away = np.linalg.norm(away - 0.64 * np.round(away / 0.64), axis=-1) + np.eye(5)
    assert away.min() >= 0.15
    assert float(abs(start.position).max()) <= 0.32
    run = model.simulate(start, [0.0, 0.2], threads=2)
    alone = model.simulate(start.isel(sample=[3]), [0.0, 0.2], threads=1)
    for name in ("position", "field"):
        np.testing.assert_array_equal(run[name][3], alone[name][0])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"bodies": 0}, "bodies: expected an integer >= 1, given 0"),
        ({"mass": 0.0}, "mass: expected positive values, given 0"),
        ({"radius": Uniform(0.0, 1.0)}, "radius: expected positive"),
        ({"permittivity": -1.0}, "permittivity: expected positive values, given -1"),
        ({"charge": (1.0, 2.0)}, r"charge: expected one number, 6 \(one a body\), .* given the shape \(2,\)"),
        ({"depth": [[1.0]]}, r"depth: expected one number, or one a sample; given the shape \(1, 1\)"),
        ({"length": (8.0,)}, "length: expected one number, or 2 or 3"),
        ({"cell": 0.3}, "cell: expected one that divides"),
        ({"separation": -0.1}, "separation: expected values not negative"),
        ({"neutral": 1}, "neutral: expected True or False, given 1"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        PointCharges(**settings)


def test_bad_starts_are_refused() -> None:
    model = PointCharges(length=0.4, cell=0.05, bodies=2)
    start = model.sample(1)
    line = start.drop_vars(["field", "charge_density"]).drop_vars("y")
    for wrong, told in (
        (put(start, radius=-start.radius), "radius: expected positive values, given -0.025"),
        (start.drop_vars("momentum"), "variable 'momentum': expected in 'kg"),
        (line, "expected the coordinates y and x, or z, y and x, of a grid; given x alone"),
        (model.simulate(start, [0.0, 1.0]), "expected starts without a time dimension"),
    ):
        with pytest.raises(InputError, match=told):
            model.simulate(wrong, [0.0, 1.0])
    deep = PointCharges(length=(0.4, 0.4, 0.4), cell=0.1, bodies=2).sample(1).drop_vars(["field", "charge_density"])
    with pytest.raises(InputError, match="dimension 'i': expected 2 components in a box over y, x, given 3"):
        model.simulate(deep.drop_vars(["x", "y", "z"]), [0.0, 1.0])
    with pytest.raises(InputError, match="separation: expected room for 40 bodies"):
        PointCharges(bodies=40, separation=0.3).sample(1)
