"""The command line: `physym generate | fit | evaluate | check | discover`.

Heavy imports wait until a command runs, so that help is fast. Exit codes: 0 done, 1 a check failed, 2 the input was
wrong (one line says what was expected, what was given, and the remedy), 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physym.arguments import make_parser

if TYPE_CHECKING:
    import xarray as xr

    from physym.checks import Report
    from physym.discovered import Discovery
    from physym.evaluation import Evaluation
    from physym.models import LearnedModel
    from physym.recipes import Job
    from simulators.base import Simulator

__all__ = ["main"]

FOR_FIELDS = ("symmetry", "parameters", "width", "depth", "conserve", "precision")


def _generate(arguments: Namespace) -> int:
    from physym.generation import check_new, finished, generate
    from simulators.errors import InputError

    places = [(job, _place(job, arguments.output)) for job in _jobs(arguments)]
    _check_distinct(path for _, path in places)
    if not arguments.force and not all(finished(job, path) for job, path in places):
        places = [(job, path) for job, path in places if not finished(job, path)]
    for job, path in places:
        check_new(job, path, force=arguments.force)
    for _, path in places:
        if arguments.scheduler is not None and path.suffix != ".zarr":
            raise InputError(f"--scheduler: expected an output FILE.zarr, which a cluster can write to; given {path}")
    for job, path in places:
        dataset = generate(
            job, path, force=arguments.force, workers=arguments.workers, scheduler=arguments.scheduler, progress=True
        )
        print(f"{path}: {dataset.attrs['title']}{_failed(dataset)}")
    return 0


def _failed(dataset: xr.Dataset) -> str:
    """How many runs failed, and why the first did."""
    failures = json.loads(dataset.attrs.get("failures", "{}"))
    if not failures:
        return ""
    sample, reason = next(iter(failures.items()))
    return f"; {len(failures)} failed and are left out, sample {sample} thus: {reason}"


def _place(job: Job, output: Path | None) -> Path:
    """Where a dataset goes: to the file that is asked for, or under the recipe's name into a folder."""
    from simulators.errors import InputError

    if output is not None and output.suffix in (".nc", ".zarr"):
        return output
    if job.file is None:
        raise InputError(f"--output: expected FILE.nc or FILE.zarr, given {output or 'none'}")
    return job.file if output is None else output / job.file.name


def _check_distinct(paths: Iterable[Path]) -> None:
    from simulators.errors import InputError

    for path, count in Counter(paths).items():
        if count > 1:
            raise InputError(f"--output: expected a folder, since the recipe makes {count} datasets; given {path}")


def _jobs(arguments: Namespace) -> list[Job]:
    import dataclasses

    from physym.recipes import Job, read_recipe

    parameters = _parameters(arguments)
    given = {name: getattr(arguments, name) for name in ("samples", "seed", "times", "chunk", "tolerance", "step")}
    given = {name: value for name, value in given.items() if value is not None}
    if arguments.source.endswith(".toml"):
        jobs = read_recipe(arguments.source)
        return [dataclasses.replace(job, parameters={**job.parameters, **parameters}, **given) for job in jobs]
    return [Job(simulator=arguments.source, parameters=parameters, **given)]


def _parameters(arguments: Namespace) -> dict[str, Any]:
    """What --set gives."""
    from physym.recipes import parse_value
    from simulators.errors import InputError

    parameters = {}
    for name, text in arguments.parameters:
        try:
            parameters[name] = parse_value(text)
        except InputError as error:
            raise InputError(f"--set {name}: {error}") from error
    return parameters


def _simulator(arguments: Namespace) -> Simulator | None:
    """The simulator that is named in place of a path, with what --set gives; None for a path.

    Raises:
        InputError: if there is neither, or parameters are given for what is no simulator.
    """
    from physym.recipes import Job, suggest
    from simulators.base import registered
    from simulators.errors import InputError

    path = arguments.subject
    names = {name for kind in registered().values() for name in (kind.command(), kind.__name__)}
    if path.exists() or path.name != str(path) or (path.suffix and str(path) not in names):
        if arguments.parameters:
            raise InputError(f"--set: expected beside the name of a simulator, given beside {path}")
        return None
    if str(path) not in names:
        near = suggest(str(path), (kind.command() for kind in registered().values()))
        raise InputError(f"{path}: expected a path, or a simulator, given no such file ({near})")
    return Job(simulator=str(path), parameters=_parameters(arguments)).make()


def _fit(arguments: Namespace) -> int:
    _check_fit(arguments)
    from simulators.schema import read

    dataset = read(arguments.data)
    model = _new_model(arguments)
    model.fit(
        dataset, time_limit=arguments.time_limit, steps=arguments.steps, seed=arguments.seed, output=arguments.output,
        progress=True, force=arguments.force,
    )  # fmt: skip
    if os.environ.get("RANK", "0") == "0":
        run = arguments.output
        print(f"{run}: the law, learned from {arguments.data}")
        print(f"next: physym check {run}, or physym evaluate {run} TEST.nc --output {run / 'evaluation'}")
    return 0


def _check_fit(arguments: Namespace) -> None:
    """Refuse a net or an option that is not one of the model."""
    from simulators.errors import InputError

    fields = arguments.model == "field-net"
    nets = ("dilated", "resnet", "unet") if fields else ("scalars", "emlp", "mlp")
    if arguments.net is not None and arguments.net not in nets:
        known = " or ".join(nets)
        raise InputError(f"--net: expected {known} for --model {arguments.model}, given {arguments.net}")
    given = [name for name in FOR_FIELDS if getattr(arguments, name) is not None]
    if given and not fields:
        raise InputError(f"--{given[0]}: expected beside --model field-net, given beside {arguments.model}")
    if arguments.group is not None and arguments.net != "emlp":
        raise InputError(f"--group: expected beside --net emlp, given beside {arguments.net or 'the default net'}")


def _new_model(arguments: Namespace) -> LearnedModel:
    """The model that is asked for, not fitted yet."""
    import physym

    kinds: dict[str, type[LearnedModel]] = {
        "hamiltonian": physym.HamiltonianNN,
        "neural-ode": physym.NeuralODE,
        "field-net": physym.FieldNet,
    }
    given = {name: getattr(arguments, name) for name in ("net", "group", *FOR_FIELDS)}
    given = {name: value for name, value in given.items() if value is not None}
    return kinds[arguments.model](device=arguments.device, **given)


def _evaluate(arguments: Namespace) -> int:
    from physym.evaluation.overrides import overrides
    from simulators.schema import read

    run, folder = arguments.subject, arguments.output
    with _stdout_to_stderr(arguments.json):
        simulator = _simulator(arguments)
        dataset = read(arguments.data)
        import physym
        from physym.evaluation import evaluate

        given = [name for name, _ in arguments.parameters]
        overridden = {} if simulator is None else overrides(simulator, dataset, given)
        model, place = (physym.load(run), run) if simulator is None else (simulator, None)
        evaluation = evaluate(
            model, dataset.assign(overridden), output=folder, force=arguments.force, run=place,
            overridden=list(overridden), command=_words(arguments),
        )  # fmt: skip
    _print(evaluation, as_json=arguments.json)
    if folder is not None and not arguments.json:
        print(f"\nlook at {folder / 'report.html'}")
    return 0 if evaluation.passed else 1


def _words(arguments: Namespace) -> list[str]:
    """The words of `physym evaluate`, apart from those that only say how to print."""
    words = ["physym", "evaluate", str(arguments.subject), str(arguments.data)]
    for name, value in arguments.parameters:
        words += ["--set", f"{name}={value}"]
    return words if arguments.output is None else [*words, "--output", str(arguments.output)]


def _check(arguments: Namespace) -> int:
    from simulators.schema import read

    path = arguments.subject
    with _stdout_to_stderr(arguments.json):
        simulator = _simulator(arguments)
        if simulator is not None:
            import physym

            report = physym.check(simulator, verbose=False)
        elif path.is_dir() and path.suffix != ".zarr" and not (path / "zarr.json").exists():
            import physym

            model = physym.load(path)
            report = physym.check(model, model.starts, verbose=False)
        else:
            dataset = read(path)
            import physym

            report = physym.check(dataset, verbose=False)
    _print(report, as_json=arguments.json)
    return 0 if report.passed else 1


def _discover(arguments: Namespace) -> int:
    from physym.discovered import check_new, discover_law, find_formula, is_table, read_data
    from simulators.errors import InputError

    if arguments.output is not None:
        check_new(arguments.output, force=arguments.force)
    options = {"time_limit": arguments.time_limit, "seed": arguments.seed, "progress": True}
    with _stdout_to_stderr(arguments.json):
        dataset = read_data(Path(arguments.data))
        if is_table(dataset):
            found = find_formula(
                dataset, arguments.target, constants=arguments.constants,
                unknown_constants=arguments.unknown_constants, **options,
            )  # fmt: skip
        else:
            if arguments.target is not None or arguments.constants or arguments.unknown_constants:
                given = "--target, --constants and --unknown-constants"
                raise InputError(f"{given}: expected for a table, given trajectories; leave them out")
            found = discover_law(dataset, **options)
        if arguments.output is not None:
            found.save(arguments.output, force=arguments.force)
    _print(found, as_json=arguments.json)
    if arguments.output is not None and not arguments.json:
        print(f"\nlook at {arguments.output / 'pareto.png'}")
    if found.interrupted:
        print("physym: interrupted; this is the best that was found until then", file=sys.stderr)
    return 130 if found.interrupted else 0


@contextlib.contextmanager
def _stdout_to_stderr(redirect: bool) -> Iterator[None]:
    with contextlib.redirect_stdout(sys.stderr) if redirect else contextlib.nullcontext():
        yield


def _print(result: Report | Evaluation | Discovery, *, as_json: bool) -> None:
    from physym.evaluation.tables import plain_json

    print(json.dumps(plain_json(result.to_dict()), allow_nan=False) if as_json else result)


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "generate": _generate,
    "fit": _fit,
    "evaluate": _evaluate,
    "check": _check,
    "discover": _discover,
}


def _guarded(arguments: Namespace) -> int:
    from simulators.errors import DivergenceError, InputError

    try:
        return COMMANDS[arguments.command](arguments)
    except (InputError, DivergenceError) as error:
        message = str(error)
    except BrokenPipeError:
        # whoever read the output has seen enough; keep the interpreter from flushing into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        message = f"expected to read and write files, given: {error}; mend that and give the same command again"
    except MemoryError as error:
        message = f"expected enough memory, given too little ({error}); ask for fewer samples or times"
    print(f"physym: {' '.join(message.split())}", file=sys.stderr)
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        from physym.recipes import suggest

        parser.error(f"command: {suggest(argv[0], COMMANDS)}")
    arguments = parser.parse_args(argv)
    try:
        return _guarded(arguments)
    except KeyboardInterrupt:
        again = "run the same command again to " + ("begin anew" if arguments.command == "discover" else "resume")
        print(f"physym: interrupted; {again}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
