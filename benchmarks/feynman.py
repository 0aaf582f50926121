"""The Feynman symbolic-regression database (Udrescu & Tegmark 2020), by the protocol of SRBench (La Cava et al. 2021).

Points are uniform in the ranges; noise is Gaussian, relative to the RMS of y; each equation is searched on one core. A
law counts as recovered as `recovery.py` judges. Published with the same units: PhySO (Tenachi et al. 2023) recovers
58.4 % of 120 without noise, 57.9 % at 1 %, 53.4 % at 10 %, with about 5 million evaluations each; QDSR
(arXiv 2503.19043) 91.6 % without noise.

Each result is appended to OUTPUT as one line of JSON, so that the same command goes on where it was stopped.

python benchmarks/feynman.py EQUATIONS.json [--output feynman.jsonl] [--noise 0 0.01 0.1] [--points 1000] [--seed 0]
    [--time-limit 60] [--jobs 2] [--only I.12.1 ...] [--no-units] [--table]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PUBLISHED = {0.0: "PhySO 58.4 %, QDSR 91.6 %", 0.01: "PhySO 57.9 %", 0.1: "PhySO 53.4 %"}
SLACK = 120.0
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def draw(equation: dict, points: int, noise: float, seed: int):
    """Columns and target: uniform in the ranges, Gaussian noise relative to the RMS of y."""
    import numpy as np
    import sympy
    from recovery import read_formula

    rng = np.random.default_rng(seed)
    names = [one["name"] for one in equation["variables"]]
    truth = read_formula(equation["formula"], names)
    function = sympy.lambdify([sympy.Symbol(name) for name in names], truth, "numpy")
    kept = np.empty((0, len(names)))
    # a formula that is not real everywhere within the ranges, such as arcsin(x/y), is drawn again where it is not
    while len(kept) < points:
        low, high = np.array([(one["low"], one["high"]) for one in equation["variables"]]).T
        drawn = rng.uniform(low, high, (points, len(names)))
        with np.errstate(all="ignore"):
            kept = np.concatenate([kept, drawn[np.isfinite(function(*drawn.T))]])
    kept = kept[:points]
    y = function(*kept.T) * np.ones(points)
    y += noise * np.sqrt(np.mean(y**2)) * rng.standard_normal(points)
    return truth, dict(zip(names, kept.T, strict=True)), y


def solve(equation: dict, settings: dict) -> dict:
    """One search, judged."""
    import sympy
    from recovery import recovered

    from physym.symbolic import SymbolicRegressor

    truth, values, y = draw(equation, settings["points"], settings["noise"], settings["seed"])
    units = settings["units"]
    X = {one["name"]: (values[one["name"]], one["units"] if units else "1") for one in equation["variables"]}
    target = (y, equation["output"]["units"] if units else "1")
    model = SymbolicRegressor(time_limit=settings["time_limit"], seed=settings["seed"])
    start = time.perf_counter()
    try:
        model.fit(X, target)
    except Exception as error:
        return {"recovered": False, "how": f"{type(error).__name__}: {error}", "seconds": time.perf_counter() - start}
    seconds = time.perf_counter() - start
    ranges = {one["name"]: (one["low"], one["high"]) for one in equation["variables"]}
    verdict = recovered(_numeric(model), truth, ranges)
    on_front = verdict.recovered or any(recovered(one.expression, truth, ranges).recovered for one in model.pareto_)
    return {
        "recovered": verdict.recovered,
        "how": verdict.how,
        "on_front": on_front,
        "seconds": seconds,
        "evaluations": int(model.evaluations_),
        "error": float(model.pareto_[model.pareto_.chosen].error),
        "expression": str(model.expression_),
        "expression_srepr": sympy.srepr(model.expression_),
        "truth": equation["formula"],
    }


def _numeric(model):
    """The law with the values of its constants."""
    import sympy

    return model.expression_.xreplace(
        {sympy.Symbol(name): sympy.Float(one.value * one.unit.factor) for name, one in model.constants_.items()}
    )


def key(record: dict) -> tuple:
    return tuple(record[name] for name in ("id", "points", "noise", "seed", "units", "time_limit"))


def read(path: Path) -> dict[tuple, dict]:
    """Results by settings; a line that a crash cut short is skipped."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
            found[key(record)] = record
        except (json.JSONDecodeError, KeyError):
            continue
    return found


def search_in_a_process(equation: dict, settings: dict) -> dict:
    """`solve` in a process of its own, so that what runs wild or crashes is one equation not recovered."""
    job = json.dumps({"equation": equation, "settings": settings})
    command, environment = [sys.executable, __file__, "--worker"], {**os.environ, **ONE_CORE}
    options = {"capture_output": True, "text": True, "check": False, "timeout": settings["time_limit"] + SLACK}
    start = time.perf_counter()
    try:
        done = subprocess.run(command, input=job, env=environment, **options)
        result = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"how": done.stderr[-500:]}
    except subprocess.TimeoutExpired:
        result = {"how": "did not end in time"}
    result = {"recovered": False, "seconds": time.perf_counter() - start} | result
    return {"id": equation["id"], **settings, **result}


def line(record: dict) -> str:
    mark = "yes" if record["recovered"] else "front" if record.get("on_front") else "no"
    told = record.get("expression", record["how"])
    return (
        f"{record['id']:<10} {record['noise']:<5g} {mark:<6} {record['seconds']:6.1f} s"
        f" {record.get('evaluations', 0):>11,}  {record.get('error', float('nan')):.1e}  {told[:100]}"
    )


def summary(records: list[dict]) -> str:
    lines = ["", "points  units  noise   recovered        median s   median evaluations   published"]
    for points, units, noise in sorted({(r["points"], not r["units"], r["noise"]) for r in records}):
        of = [r for r in records if (r["points"], not r["units"], r["noise"]) == (points, units, noise)]
        won = sum(r["recovered"] for r in of)
        seconds = sorted(r["seconds"] for r in of)[len(of) // 2]
        tried = sorted(r.get("evaluations", 0) for r in of)[len(of) // 2]
        share = f"{won}/{len(of)} = {100 * won / len(of):.1f} %"
        lines.append(
            f"{points:<7} {'no' if units else 'yes':<6} {noise:<6g} {share:<17} {seconds:<10.1f} {tried:<20,}"
            f" {PUBLISHED.get(noise, '')}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("equations", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, default=Path("feynman.jsonl"))
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0])
    parser.add_argument("--points", type=int, nargs="+", default=[1000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--no-units", action="store_true", help="erase all units, to see how much they cut the search")
    parser.add_argument("--table", action="store_true", help="print what OUTPUT holds, and search nothing")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        job = json.loads(sys.stdin.read())
        print(json.dumps(solve(**job)))
        return
    if arguments.equations is None or not arguments.equations.is_file():
        parser.error(f"expected a file of equations, given {arguments.equations}")
    known = read(arguments.output)
    jobs, records = [], []
    for points in arguments.points:
        for noise in arguments.noise:
            for equation in json.loads(arguments.equations.read_text()):
                if arguments.only and equation["id"] not in arguments.only:
                    continue
                settings = {
                    "points": points, "noise": noise, "seed": arguments.seed, "units": not arguments.no_units,
                    "time_limit": arguments.time_limit,
                }  # fmt: skip
                record = known.get(key({"id": equation["id"], **settings}))
                if record is not None:
                    records.append(record)
                    print(line(record))
                elif not arguments.table:
                    jobs.append((equation, settings))
    with ThreadPoolExecutor(arguments.jobs) as pool, arguments.output.open("a") as file:
        for record in pool.map(lambda job: search_in_a_process(*job), jobs):
            file.write(json.dumps(record) + "\n")
            file.flush()
            records.append(record)
            print(line(record), flush=True)
    if records:
        print(summary(records))


if __name__ == "__main__":
    main()
