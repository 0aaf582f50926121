"""The frame: what is installed, what importing costs, and that the name `datasets` stays free for its owner."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import physym
import simulators

ROOT = Path(__file__).resolve().parents[1]


def python(code: str, *, cwd: Path, path: list[Path]) -> str:
    """What a fresh interpreter prints, with the folders first on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def best_of_three(command: list[str], cwd: Path) -> float:
    """Seconds of processor time, which others on the machine do not lengthen; the first run also warms the disk."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder as pip fills it, with another distribution named `datasets`."""
    site = tmp_path / "site"
    (site / "datasets").mkdir(parents=True)
    (site / "datasets" / "__init__.py").write_text("OWNER = 'somebody else'\n")
    info = site / "datasets-3.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: datasets\nVersion: 3.0\n")
    return site


@pytest.mark.parametrize("theirs_first", [True, False])
@pytest.mark.parametrize("where", ["root", "elsewhere"])
def test_the_distribution_named_datasets_works_beside_us(
    stranger: Path, tmp_path: Path, where: str, theirs_first: bool
) -> None:
    path = [stranger, ROOT] if theirs_first else [ROOT, stranger]
    code = """
import importlib.metadata, datasets, physym, simulators
start = simulators.SpringPendulum().sample(2)
print(datasets.OWNER, importlib.metadata.version("datasets"), start.sizes["sample"], bool(physym.units))
"""
    out = python(code, cwd=ROOT if where == "root" else tmp_path, path=path)
    assert out == "somebody else 3.0 2 True"


def test_datasets_is_not_a_package() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_importing_simulators_is_light() -> None:
    code = "import sys, simulators; print(*(m for m in ('torch', 'matplotlib', 'numba', 'physym') if m in sys.modules))"
    assert python(code, cwd=ROOT, path=[ROOT]) == ""


def test_importing_physym_is_light() -> None:
    code = "import sys, physym; print(*(m for m in ('torch', 'matplotlib', 'xarray', 'numpy') if m in sys.modules))"
    assert python(code, cwd=ROOT, path=[ROOT]) == ""


def test_importing_simulators_takes_less_than_a_second(tmp_path: Path) -> None:
    assert best_of_three([sys.executable, "-c", "import simulators"], tmp_path) < 1.0


def test_help_takes_less_than_one_and_a_half_seconds(tmp_path: Path) -> None:
    assert best_of_three([sys.executable, "-m", "physym.cli", "--help"], tmp_path) < 1.5


def test_every_public_name_is_there() -> None:
    for package in (physym, simulators):
        assert set(package.__all__) <= set(dir(package))
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = physym.nothing


def test_the_arrows_point_one_way() -> None:
    for file in (ROOT / "simulators").rglob("*.py"):
        text = file.read_text()
        assert "import physym" not in text, file
        assert "from physym" not in text, file
        assert "import torch" not in text, file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel."""
    source = tmp_path_factory.mktemp("source")
    # a copy: building leaves files beside the sources, and other tests run at the same time
    for name in ("physym", "simulators", "pyproject.toml", "LICENSE", "README.md"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "out", "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (source / "out").glob("physym-*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: list[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"physym", "simulators"}
    for package in ("physym", "simulators"):
        assert f"{package}/py.typed" in wheel
        sources = {file.relative_to(ROOT).as_posix() for file in (ROOT / package).rglob("*.py")}
        assert sources <= set(wheel)
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert any(name.endswith("entry_points.txt") for name in wheel)


def test_the_installed_distribution_is_this_one() -> None:
    try:
        distribution = metadata.distribution("physym")
    except metadata.PackageNotFoundError:
        pytest.skip("physym runs from the sources here, without being installed")
    assert distribution.version == physym.__version__
    assert {"physym"} == {point.name for point in distribution.entry_points if point.group == "console_scripts"}


def test_the_version_is_said_alike_everywhere():
    import physym
    from simulators.base import VERSION

    assert physym.__version__ == VERSION
    assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()
