"""Find the Rietkerk equations in simulated runs, and hold every constant to the truth.

    python benchmarks/discover_rietkerk.py [--noise 0.02] [--days 1] [--start patches] [--named] [--pysindy]

prints for every constant the truth, what was found and its error, whether the terms are exactly those of the model,
and the error of the law's runs from the first stored starts. With --named the data hold the parameters by value. With
--pysindy the polynomial library of pysindy, which must be installed, is fitted to the same runs, and the relative
error of its tendency is printed beside ours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import xarray as xr

import simulators
from physym.discovery.fields import discover_fields
from physym.discovery.fields.law import FieldLaw

STATES = ("surface_water", "soil_water", "vegetation")
TRUTH = {
    "∂u/∂t": {"1": 0.375, "u": -0.02, "u v/(v + K)": -0.18, "K: u v/(v + K)": 5.0, "∇²u": 100.0},
    "∂w/∂t": {
        "u": 0.02, "u v/(v + K)": 0.18, "K: u v/(v + K)": 5.0, "v w/(w + K)": -0.05, "K: v w/(w + K)": 5.0, "w": -0.2,
        "∇²w": 0.1,
    },
    "∂v/∂t": {"v w/(w + K)": 1.0, "K: v w/(w + K)": 5.0, "v": -0.25, "∇²v": 0.1},
}  # fmt: skip
"""Coefficients at the default setting, by the term they stand before; saturation constants after a K."""


def runs(samples: int, days: float, noise: float, start: str, named: bool, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Runs of 200 days on 64 x 64 cells with noise, and without."""
    model = simulators.Rietkerk(length=128.0, start=start)  # type: ignore[arg-type]
    clean = model.simulate(model.sample(samples, seed=seed), np.arange(0.0, 200.0 + days / 2, days))
    roles = ("state", "parameter") if named else ("state",)
    clean = clean[[n for n in clean.data_vars if clean[n].attrs["role"] in roles]]
    if not named:
        # a simulator's data must hold its parameters
        clean.attrs["simulator"] = "none"
    rng = np.random.default_rng(seed)
    noisy = clean.copy(deep=True)
    for name in STATES:
        noisy[name].values += noise * float(clean[name].std()) * rng.standard_normal(clean[name].shape)
    return noisy, clean


def found(law: FieldLaw) -> dict[str, dict[str, tuple[float, float, str]]]:
    """The constants (value, error, name) by equation and term, as in `TRUTH`."""
    known, out = {c.name: c for c in law.constants}, {}
    for state, terms in zip(law.system.states, law.rights, strict=True):
        rows = out.setdefault(law.left(state.name), {})
        for term in terms:
            bare = term
            for which in range(len(term.saturations)):
                bare = bare.with_half(which, "K")
            text = bare.text([s.symbol for s in law.system.states])
            names = {text: term.constant, **{f"K: {text}": half for _, half in term.saturations}}
            for key, name in names.items():
                c = known[str(name)]
                rows[key] = (float(c.value), float(c.error), c.parameters)
    return out


def tendency_error(given: xr.Dataset, clean: xr.Dataset) -> dict[str, float]:
    """RMS of the difference of tendencies relative to the RMS of the truth, by state."""
    truth = simulators.Rietkerk(length=128.0).tendency(clean)
    return {
        name: float(np.sqrt(((given[name] - truth[name]) ** 2).mean() / (truth[name] ** 2).mean())) for name in STATES
    }


def pysindy_tendency(noisy: xr.Dataset, at: xr.Dataset) -> xr.Dataset:
    """What the polynomial PDE library of pysindy, fitted to the runs, gives at some states."""
    import pysindy

    axes = np.stack(np.meshgrid(noisy.x.values, noisy.y.values, indexing="ij"), axis=-1)
    library = pysindy.PDELibrary(
        function_library=pysindy.PolynomialLibrary(degree=3, include_bias=False), derivative_order=2,
        spatial_grid=axes, include_bias=True,
    )  # fmt: skip
    model = pysindy.SINDy(feature_library=library, optimizer=pysindy.STLSQ(threshold=1e-3, normalize_columns=True))
    stacked = [np.stack([noisy[n].values[k].transpose(2, 1, 0) for n in STATES], axis=-1) for k in range(4)]
    model.fit(stacked, t=float(noisy.time[1] - noisy.time[0]))
    values = np.stack([at[n].values.transpose(2, 1, 0) for n in STATES], axis=-1)
    rates = np.asarray(model.predict(values))
    return xr.Dataset({n: (("time", "y", "x"), rates[..., k].transpose(2, 1, 0)) for k, n in enumerate(STATES)})


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--days", type=float, default=5.0, help="between outputs")
    parser.add_argument("--noise", type=float, default=0.0, help="relative to the standard deviation of each field")
    parser.add_argument("--start", choices=("cells", "patches"), default="cells")
    parser.add_argument("--named", action="store_true", help="with the parameters by value in the data")
    parser.add_argument("--pysindy", action="store_true")
    parser.add_argument("--time-limit", type=float, default=None)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    noisy, clean = runs(given.samples, given.days, given.noise, given.start, given.named, given.seed)
    begin = time.perf_counter()
    law = discover_fields(noisy, time_limit=given.time_limit, progress=True)
    print(f"\n{law}\n\nfound in {time.perf_counter() - begin:.0f} s")
    rows, exact, worst = found(law), True, 0.0
    for left, truth in TRUTH.items():
        exact &= set(rows[left]) == set(truth)
        for key in [*truth, *(k for k in rows[left] if k not in truth)]:
            value, error, name = rows[left].get(key, (np.nan, np.nan, ""))
            true = truth.get(key, np.nan)
            off = 100 * abs(value / true - 1)
            worst = max(worst, off) if np.isfinite(off) else np.inf
            print(f"{left}  {key:18s} true {true:9.4g}  found {value:12.6g} ± {error:.1g}  off {off:8.4f} %  {name}")
    print(f"exactly the terms of the model: {'yes' if exact else 'no'}; largest error {worst:.4f} %")
    start = clean.isel(time=0, sample=slice(2)).drop_vars("time")
    run = law.simulate(start, clean.time.values, tolerance=1e-6)
    for name in STATES:
        apart = run[name] - clean[name].isel(sample=slice(2))
        share = float(np.sqrt((apart**2).mean() / clean[name].isel(sample=slice(2)).var()))
        print(f"run of 200 days, {name}: RMS error {share:.2e} of the standard deviation")
    few = clean.isel(sample=0, time=slice(2, None))
    print("tendency, ours:   ", tendency_error(law.tendency(few), few))
    if given.pysindy:
        print("tendency, pysindy:", tendency_error(pysindy_tendency(noisy, few), few))


if __name__ == "__main__":
    main()
