"""What the command line accepts, and the help that teaches it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from physym import __version__

__all__ = ["make_parser"]

HELP = """\
physym learns physical laws that obey the symmetries they must obey, and checks that they do.

  generate   simulate a system into a dataset whose variables state their units and tensor types
  fit        learn the law from a dataset; the learned law is a simulator like any other
  evaluate   roll the law out beside the truth: errors, checks, and a report with pictures
  check      hold a dataset or a law to physics: conservation, rotations and reflections, units
  discover   find the law of a dataset as formulas, with units and uncertainties

a worked example, two minutes on a laptop:
  physym generate spring-pendulum --set stiffness=1,2 --samples 500 --chunk 5 --output train.nc
  physym generate spring-pendulum --set stiffness=1,2 --samples 20 --seed 1 --output test.nc
  physym fit train.nc --model hamiltonian --time-limit 45 --output run
  physym evaluate run test.nc --output run/evaluation        then open run/evaluation/report.html
  physym check run

A command that was interrupted goes on when it is given again; one that is finished needs --force. With --json,
evaluate, check and discover print one JSON object.
Exit codes: 0 done, 1 a check failed, 2 the input was wrong."""

NEXT = """\
where to look next:
  physym COMMAND --help      every option of a command, with an example
  datasets/*.toml            recipes, which `physym generate` follows too; datasets/README.md describes their data
  import simulators, physym  the same verbs in Python; help(physym) lists them"""

GENERATE = """\
Simulate SIMULATOR (such as spring-pendulum), or make every output of a recipe RECIPE.toml, whose settings the
options below override.

FILE.nc is one file, written whole. FILE.zarr is a store, written run by run: killed at any moment, the same command
goes on with it. A run that fails is recorded there with its reason, and left out when the store is read."""

GENERATE_EXAMPLES = """\
examples:
  physym generate spring-pendulum --samples 100 --times 0:30:0.2 --output runs.nc
  physym generate spring-pendulum --set mass=log_uniform:0.5,2 --set gravity=0,0,-9.81 --samples 100 --output family.nc
  physym generate spring-pendulum --samples 500 --chunk 5 --output train.zarr
  physym generate rietkerk --samples 1000 --workers 8 -o runs.zarr
  physym generate rietkerk --set R=uniform:0.3,0.45 --samples 1000 --scheduler tcp://head:8786 -o family.zarr
  physym generate datasets/spring_pendulum.toml --output data/"""

FIT_EXAMPLE = """\
examples:
  physym fit train.nc --model hamiltonian --time-limit 300 --output run
  physym fit runs.zarr --model field-net --time-limit 3600 --device cuda --output run

The folder RUN keeps the learned law, the learning curve and checkpoints: after Ctrl-C or a crash, give the same
command again and it goes on from the last one."""

EVALUATE_EXAMPLE = """\
examples:
  physym evaluate run test.nc --output run/evaluation
  physym evaluate rietkerk runs.zarr --set R=0.37 --output drier      what less rain would change

The report run/evaluation/report.html is one page with tables, pictures, and where data and law came from.
Of fields at most 64 samples are compared, evenly spread, and fewer if they are large; the report says so.
Exit code 1 says that a check failed."""

CHECK_EXAMPLES = """\
examples:
  physym check train.nc
  physym check run --json
  physym check rietkerk --set length=100

Exit code 1 says that a check failed."""

DISCOVER = """\
Find the law of DATA as formulas, with units and uncertainties.

Of trajectories it is a law of motion: differential equations, or a Hamiltonian. Of a table, which has one-dimensional
variables and no time, it is the column --target as a formula of the others. Only formulas with lawful units are tried.
RUN keeps the law and a picture of its candidates; physym check and physym evaluate take the RUN of a law of motion like
that of a learned one. Ctrl-C keeps the best formula so far."""

DISCOVER_EXAMPLES = """\
examples:
  physym discover train.nc --output law
  physym discover law_data.zarr --time-limit 300 --json
  physym discover table.nc --target force --constants G --output formula"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"physym: {' '.join(message.split())}; see '{self.prog} --help'\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of `physym COMMAND ...`."""
    style: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    parser = _Parser(prog="physym", usage="physym COMMAND ...", description=HELP, epilog=NEXT, **style)
    parser.add_argument("--version", action="version", version=f"physym {__version__}")
    commands = parser.add_subparsers(
        prog="physym", dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    generate = commands.add_parser("generate", description=GENERATE, epilog=GENERATE_EXAMPLES, **style)
    fit = commands.add_parser("fit", description="Learn the law of DATA.", epilog=FIT_EXAMPLE, **style)
    text = "Roll a learned law, or a simulator, out beside the truth."
    evaluate = commands.add_parser("evaluate", description=text, epilog=EVALUATE_EXAMPLE, **style)
    text = "Hold a dataset, a learned law or a simulator to physics."
    check = commands.add_parser("check", description=text, epilog=CHECK_EXAMPLES, **style)
    discover = commands.add_parser("discover", description=DISCOVER, epilog=DISCOVER_EXAMPLES, **style)
    _add_generate(generate.add_argument)
    _add_fit(fit.add_argument)
    _add_evaluate(evaluate.add_argument)
    _add_discover(discover.add_argument)
    text = "a dataset, a folder that fit wrote, or a simulator such as rietkerk"
    check.add_argument("subject", metavar="DATA|RUN|SIMULATOR", type=Path, help=text)
    told = {
        evaluate: "a parameter of the simulator, as for generate; it wins over that of the data",
        check: "a setting of the simulator, as for generate",
    }
    for command, text in told.items():
        command.add_argument(
            "--set", type=_assignment, action="append", default=[], dest="parameters", metavar="NAME=VALUE", help=text
        )
        command.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    for command in (generate, fit, evaluate, discover):
        command.add_argument("--force", action="store_true", help="replace an output that is there")
    return parser


def _add_generate(add: Callable[..., Any]) -> None:
    add("source", metavar="SIMULATOR|RECIPE.toml", help="what to simulate, or how")
    add("--output", "-o", type=Path, metavar="FILE", help="FILE.nc or FILE.zarr; a folder for a recipe of several")
    add("--samples", type=int, metavar="N", help="how many runs (1)")
    add("--seed", type=int, metavar="S", help="of the random starts (0); sample n is the same however many are drawn")
    text = "output times, STOP excluded; the simulator's own if absent"
    add("--times", type=_times, metavar="START:STOP:STEP", help=text)
    add("--chunk", type=int, metavar="POINTS", help="keep only so many consecutive points of each run, cut at random")
    text = (
        "a parameter by name or symbol (R=0.3): a number, numbers a,b,c, or uniform:a,b or log_uniform:a,b; a word"
        " where the simulator takes one (start=patches)"
    )
    add("--set", type=_assignment, action="append", default=[], dest="parameters", metavar="NAME=VALUE", help=text)
    add("--tolerance", type=float, metavar="T", help="relative error of the simulator's steps")
    text = "in place of a tolerance, fixed steps of at most so much (shallow-water, navier-stokes)"
    add("--step", type=float, metavar="H", help=text)
    add("--workers", type=int, metavar="N", help="processes; for FILE.nc threads (all cores); changes no number")
    text = "make FILE.zarr on the Dask cluster of this scheduler, whose workers see FILE.zarr (needs physym[cluster])"
    add("--scheduler", metavar="tcp://HOST:PORT", help=text)


def _add_fit(add: Callable[..., Any]) -> None:
    add("data", metavar="DATA", type=Path, help="a dataset, .nc or .zarr")
    text = "hamiltonian: learns an energy, which is then conserved; neural-ode: learns the rates of change"
    text += "; field-net: learns how fields on a grid change over a step"
    add("--model", required=True, choices=["hamiltonian", "neural-ode", "field-net"], help=text)
    text = (
        "of bodies: scalars (default), exact under rotations and reflections; emlp, exact under --group; or mlp, the"
        " baseline without symmetry; of fields: dilated (default), resnet or unet"
    )
    add("--net", choices=["scalars", "mlp", "emlp", "dilated", "resnet", "unet"], help=text)
    text = "of --net emlp: O(3) or SO(3), or about gravity's axis O(2) (default), SO(2), Dn or Cn, such as D6"
    add("--group", metavar="NAME", help=text)
    text = "of fields: full (default): exact under rotations and reflections; rotations; none: the baseline"
    add("--symmetry", choices=["full", "rotations", "none"], help=text)
    add("--parameters", type=int, metavar="N", help="of fields: weights of the net at most (20000)")
    add("--width", type=int, metavar="N", help="of fields: hidden channels of each type, in place of --parameters")
    add("--depth", type=int, metavar="N", help="of fields: depth of the net")
    text = "of fields: states whose mean over the grid is kept exactly, such as height (mass)"
    add("--conserve", nargs="+", action="extend", metavar="STATE", help=text)
    add("--precision", choices=["float32", "float64"], help="of fields: numbers of the net (float32)")
    add("--output", "-o", metavar="RUN", type=Path, required=True, help="a folder for the law")
    text = "stop at the best law so far; by default, when it is learned"
    add("--time-limit", type=float, metavar="SECONDS", help=text)
    add("--steps", type=int, metavar="N", help="steps of training; of fields 3000 if neither they nor time are limited")
    add("--seed", type=int, default=0, metavar="S", help="of the initial weights (0)")
    add("--device", default="cpu", help="where torch computes: cpu (default), cuda, ...")


def _add_evaluate(add: Callable[..., Any]) -> None:
    add("subject", metavar="RUN|SIMULATOR", type=Path, help="a folder that fit wrote, or a simulator such as rietkerk")
    add("data", metavar="DATA", type=Path, help="true trajectories that the law has not seen")
    add("--output", "-o", metavar="DIR", type=Path, help="a folder for the report; without it, only tables are printed")


def _add_discover(add: Callable[..., Any]) -> None:
    add("data", metavar="DATA", type=Path, help="trajectories or a table, .nc or .zarr")
    add("--output", "-o", metavar="RUN", type=Path, help="a folder for the law; without it, it is only printed")
    add("--time-limit", type=float, metavar="SECONDS", help="stop at the best so far (a table: 60)")
    add("--seed", type=int, default=0, metavar="S", help="of the search (0)")
    add("--target", metavar="NAME", help="of a table: the column to explain")
    text = "of a table: constants of nature that may stand in the formula, by symbol, such as c k_B"
    add("--constants", nargs="+", default=[], metavar="SYMBOL", help=text)
    text = "of a table: how many constants of unknown value and units may stand in it (0)"
    add("--unknown-constants", type=int, default=0, metavar="N", help=text)
    add("--json", action="store_true", help="print one JSON object instead of tables")


def _times(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(":"))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise argparse.ArgumentTypeError(f"expected START:STOP:STEP such as 0:30:0.2, given {text!r}")
    return values


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE such as stiffness=1,2, given {text!r}")
    return name, value
