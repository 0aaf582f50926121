"""The script of the cyclic group, on a few small runs: what it prints and draws."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "cyclic_report.py"


@pytest.fixture
def script(monkeypatch):
    specification = importlib.util.spec_from_file_location("cyclic_report", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "cyclic_report", module)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "REPEATS", 2)
    monkeypatch.setattr(module, "SEEDS", 1)
    monkeypatch.setattr(module, "ERROR", 0.3)
    return module


def test_it_learns_measures_and_draws(script, tmp_path, monkeypatch, capsys):
    path = tmp_path / "out.png"
    words = ["", "--N", "4", "--train", "8", "--steps", "2", "--sizes", "5", "7", "--figure", str(path)]
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    out = capsys.readouterr().out
    assert "N = 4, 8 training strings (" in out
    assert "N = 4, 8 training strings, all in their least rotation (" in out
    rows = [line.split() for line in out.splitlines() if line.strip()[:1] in ("5", "7")]
    assert [int(row[0]) for row in rows] == [5, 7]
    for size, table, drawn, kernel, *_ in rows:
        assert float(table) == pytest.approx(float(drawn), rel=0.5)
        assert float(table) == pytest.approx(int(size), rel=0.15)
        assert math.isnan(float(kernel)) or float(kernel) > 1
    assert path.stat().st_size > 10_000
    assert path.read_bytes()[:4] == b"\x89PNG"
