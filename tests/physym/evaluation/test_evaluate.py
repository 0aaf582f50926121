"""Evaluations say what is so, and leave whole folders or none."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import simulators
from physym import plotting
from physym.evaluation import evaluate
from simulators import DivergenceError, InputError, SpringPendulum

PENDULUM = SpringPendulum(stiffness=(1.0, 2.0))
TIMES = 0.2 * np.arange(26)


class Wrong(SpringPendulum):
    """A law that a dataset's own parameters do not reach: its springs are 1 % too stiff."""

    def simulate(self, initial: xr.Dataset, times: np.ndarray, **options: float) -> xr.Dataset:
        stiffer = initial.assign(stiffness=(1.01 * initial.stiffness).assign_attrs(initial.stiffness.attrs))
        run = super().simulate(stiffer, times, **options)
        return run.assign(stiffness=initial.stiffness).assign_attrs(simulator="SpringPendulum")


# a stand-in for a model must not stay known as a simulator
del simulators.base._REGISTERED["Wrong"]


class Diverging(Wrong):
    """Sample 2 leaves the finite numbers at time 2."""

    def simulate(self, initial: xr.Dataset, times: np.ndarray, **options: float) -> xr.Dataset:
        lost = np.flatnonzero(np.isclose(initial.position[:, 0, 0], LOST)) if "sample" in initial.dims else []
        if len(lost) and times[-1] >= 2.0:
            raise DivergenceError("expected a finite run", sample=int(lost[0]), time=2.0)
        return super().simulate(initial, times, **options)


del simulators.base._REGISTERED["Diverging"]


def truth(samples=5):
    return PENDULUM.simulate(PENDULUM.sample(samples, seed=1), TIMES)


LOST = float(truth().position[2, 0, 0, 0])


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "report"
    return evaluate(Wrong(), truth(), output=folder), folder


def test_numbers_are_those_of_the_definition(wrong):
    evaluation, _ = wrong
    true = truth()
    run = Wrong().simulate(true.isel(time=0).drop_vars("time"), TIMES)
    a, b = (np.concatenate([d.position, d.momentum], axis=2).reshape(5, TIMES.size, -1) for d in (run, true))

    def rms(x):
        return np.sqrt(np.mean(x**2, axis=-1))

    errors = np.maximum(rms(a - b) / (rms(a) + rms(b)), 1e-7)
    np.testing.assert_allclose(evaluation.errors, errors, rtol=1e-9)
    assert np.isclose(evaluation.rollout_error, np.exp(np.log(errors).mean()))
    energy = next(drift for drift in evaluation.drifts if drift.name == "energy")
    change = abs(PENDULUM.conserved(run).energy - PENDULUM.conserved(run).energy.isel(time=0))
    np.testing.assert_allclose(energy.model * energy.size, change, rtol=1e-9, atol=1e-15)
    assert float(energy.data.max()) < 1e-8 < float(energy.model.max())
    assert list(evaluation.ranking) == list(np.argsort(np.log(errors).mean(axis=1)))


def test_json_is_whole_and_finite(wrong):
    evaluation, folder = wrong
    stored = json.loads((folder / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert stored == json.loads(json.dumps(evaluation.to_dict()))
    assert {"rollout_error", "passed", "checks", "conserved", "error_by_time", "provenance", "files"} <= stored.keys()
    assert stored["passed"] == all(check["passed"] for check in stored["checks"])
    assert stored["provenance"]["data"]["simulator"] == "SpringPendulum"


def test_text_fits_a_terminal(wrong):
    lines = str(wrong[0]).splitlines()
    assert max(map(len, lines)) <= 100
    assert f"{wrong[0].rollout_error:.3g}" in lines[0]


def test_the_page_stands_alone(wrong):
    evaluation, folder = wrong
    page = (folder / "report.html").read_text()
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert "url(" not in page
    assert "http://" not in page
    assert "https://" not in page
    pictures = evaluation.files["pictures"]
    assert page.count("data:image/") == len(pictures)
    for name in pictures:
        with Image.open(folder / name) as image:
            assert min(image.size) > 200
            frames = getattr(image, "n_frames", 1)
            assert (frames > 10) == name.endswith(".gif")
            assert len(image.convert("RGB").resize((64, 64)).getcolors(5000)) > 10
    assert (folder / "animation.gif").stat().st_size < 3e6
    prediction = simulators.read(folder / "prediction.nc")
    np.testing.assert_allclose(prediction.position, evaluation.prediction.position)


def test_attributes_are_text_not_markup(tmp_path):
    nasty = '<script>alert("x")</script> & $\\frac{1}{0$'
    data = truth(2).assign_attrs(title=nasty, history=nasty)
    data.position.attrs["long_name"] = nasty
    data.position.attrs["symbol"] = "$q_{"
    evaluate(Wrong(), data, output=tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_divergence_is_reported_by_the_numbers_of_the_runs(tmp_path):
    """Of a store in which runs have failed, the others keep their numbers."""
    failed = {
        "failures": json.dumps(dict.fromkeys("01246", "none")),
        "settings": json.dumps({"samples": 10, "seed": 7}),
    }
    data = truth().assign_coords(sample=[3, 5, 7, 8, 9]).assign_attrs(failed, title="mine", completed=1)
    evaluation = evaluate(Diverging(), data, output=tmp_path / "report")
    assert evaluation.diverged == {7: 2.0}
    assert evaluation.labels == [3, 5, 7, 8, 9]
    assert np.all(evaluation.errors[2, 10:] == 1.0)
    assert np.all(evaluation.errors[2, :9] < 0.1)
    assert np.all(evaluation.errors[[0, 1, 3, 4]] < 0.5)
    assert not evaluation.passed
    assert "sample 7 at 2 s" in str(evaluation)
    page = (tmp_path / "report" / "report.html").read_text()
    assert "1 of 5 rollouts diverged and count as error 1 from there on: sample 7 at 2 s." in page
    assert "Worst of 5 samples, sample 7: error" in page
    assert "; its rollout diverged at 2 s" in page
    prediction = simulators.read(tmp_path / "report" / "prediction.nc")
    assert prediction["sample"].values.tolist() == [3, 5, 8, 9]
    assert json.loads(prediction.attrs["omitted_samples"]) == [7]
    stored = json.loads((tmp_path / "report" / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert stored["diverged"] == [{"sample": 7, "time": 2.0}]
    assert stored["sample_labels"] == [3, 5, 7, 8, 9]
    assert stored["notes"] == ["5 of 10 runs failed and are left out"]
    assert "5 of 10 runs failed and are left out" in str(evaluation)
    assert "5 of 10 runs failed and are left out." in page
    # what the data say about their making is not true of the prediction
    assert {"failures", "completed", "seed"}.isdisjoint(prediction.attrs)
    assert prediction.attrs["title"] == "5 rollouts of Diverging from the starts of other data"
    assert json.loads(prediction.attrs["settings"]) == Diverging().settings()


def test_output_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(plotting, "draw_all", lambda *_: [])
    folder = tmp_path / "deep" / "report"
    evaluate(Wrong(), truth(2), output=folder)
    before = (folder / "evaluation.json").read_bytes()
    with pytest.raises(InputError, match="--force"):
        evaluate(Wrong(), truth(2), output=folder)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plotting, "draw_all", fail)
    with pytest.raises(InputError, match="No space left"):
        evaluate(Wrong(), truth(3), output=folder, force=True)
    assert (folder / "evaluation.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["report"]
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        evaluate(Wrong(), truth(2), output=folder, force=True)


def test_too_little_to_compare_with():
    with pytest.raises(InputError, match="at least 2 times"):
        evaluate(Wrong(), truth(2).isel(time=[0]))


def test_one_sample_without_the_dimension():
    one = evaluate(Wrong(), truth(3).isel(sample=1))
    np.testing.assert_allclose(one.errors[0], evaluate(Wrong(), truth(3)).errors[1], rtol=1e-6)


def test_pictures_leave_matplotlib_as_it_was(wrong):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with plotting.styled():
        figure = plotting.draw_error(wrong[0].errors)
    assert dict(mpl.rcParams) == before
    axes = figure.axes[0]
    assert axes.get_xlabel() == "time [s]"
    assert axes.get_yscale() == "log"
    middle = max(axes.lines, key=lambda line: line.get_linewidth())
    np.testing.assert_allclose(middle.get_ydata(), np.exp(np.log(wrong[0].errors).mean("sample")))


def test_a_trajectory_shows_all_of_the_truth(wrong):
    evaluation, _ = wrong
    with plotting.styled():
        figure = plotting.draw_trajectory(evaluation.truth, evaluation.prediction, 0, "title")
    shown = [axes for axes in figure.axes if axes.get_ylabel().startswith("$q_")]
    rows = [axes for axes in shown if not axes.get_xlabel().startswith("$")]
    assert len(rows) == 3
    for i, axes in enumerate(rows):
        low, high = axes.get_ylim()
        seen = evaluation.truth.position[0, :, :, i]
        assert low < float(seen.min()) < float(seen.max()) < high
