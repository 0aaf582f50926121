"""Geometric convolutions: every equivariant map of a stencil and nothing else, whatever the padding and stride."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from physym.models.fields import GeometricConv, pack, turn, unpack
from physym.models.fields.equivariance import equivariance_error, random_fields, translation_error
from physym.models.fields.padding import pad
from physym.symmetry import Hyperoctahedral, act, invariant_filters
from simulators.errors import InputError
from simulators.grid import Grid

TYPES = {(0, 0): 2, (0, 1): 1, (1, 0): 2, (1, 1): 1, (2, 0): 1}
SQUARE, CUBE = Hyperoctahedral(2).elements(), Hyperoctahedral(3).elements()
ROTATIONS = SQUARE[np.linalg.det(SQUARE) > 0]


def made(inputs=TYPES, outputs=TYPES, size=3, dim=2, *, dtype=torch.float64, **options) -> GeometricConv:
    torch.manual_seed(1)
    layer = GeometricConv(inputs, outputs, size, dim, **options).to(dtype)
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({}, 1),
        ({"size": 5}, 1),
        ({"dilation": 2}, 1),
        ({"padding": "zero"}, None),
        ({"padding": "reflecting"}, None),
        ({"padding": "reflecting", "dilation": 3}, None),
        ({"size": 2, "stride": 2}, 1 / 2),
        ({"size": 4, "stride": 2}, 1 / 2),
        ({"size": 3, "stride": 3}, 1 / 3),
        ({"size": 2, "stride": 2, "transposed": True}, 2),
        ({"size": 4, "stride": 2, "transposed": True}, 2),
        ({"size": 6, "stride": 2, "transposed": True}, 2),
        ({"transposed": True}, 1),
    ],
)
def test_it_commutes_with_the_square_and_with_translations(options, factor) -> None:
    layer, fields = made(**options), random_fields(TYPES, 2, 12)
    assert equivariance_error(layer, fields, SQUARE) < 1e-12
    found = layer(fields)
    # of the right size everywhere, so that nothing commutes because it is zero
    assert all(0.1 < float(value.detach().std()) < 10 for value in found.values())
    if factor is not None:
        step = max(round(1 / factor), 1)
        assert translation_error(layer, fields, 2, step, factor) < 1e-12
        assert found[0, 0].shape[-1] == 12 * factor


def test_in_one_and_three_dimensions_and_in_single_precision() -> None:
    types = {(0, 0): 1, (0, 1): 1, (1, 0): 1, (1, 1): 1}
    assert equivariance_error(made(types, types, 3, 3), random_fields(types, 3, 5), CUBE) < 1e-12
    line = {(0, 0): 2, (1, 0): 2}
    assert equivariance_error(made(line, line, 5, 1), random_fields(line, 1, 9), Hyperoctahedral(1).elements()) < 1e-12
    single = made(dtype=torch.float32)
    assert equivariance_error(single, random_fields(TYPES, 2, 12, dtype=torch.float32), SQUARE) < 1e-5


def test_a_smaller_group_binds_less() -> None:
    fields = random_fields(TYPES, 2, 8)
    rotating, free = made(symmetry="rotations"), made(symmetry="none")
    assert equivariance_error(rotating, fields, ROTATIONS) < 1e-12
    assert equivariance_error(rotating, fields, SQUARE) > 1e-2
    assert equivariance_error(free, fields, ROTATIONS) > 1e-2
    assert translation_error(free, fields, 2, 3, 1) < 1e-12
    signs = SQUARE[[np.array_equal(np.abs(g), np.eye(2)) for g in SQUARE]]
    assert equivariance_error(made(symmetry=signs), fields, signs) < 1e-12
    counts = [made(symmetry=s).coefficients.numel() for s in ("full", "rotations", "none")]
    assert counts[0] < counts[1] < counts[2] == 13 * 13 * 9


def test_without_symmetry_it_is_the_plain_convolution() -> None:
    layer, fields = made(symmetry="none"), random_fields(TYPES, 2, 8)
    plain = torch.nn.Conv2d(13, 13, 3, padding=1, padding_mode="circular").double()
    with torch.no_grad():
        plain.weight.copy_(layer.weight())
        plain.bias.copy_(layer.bias @ layer.constants)
    x = pack(fields, TYPES, 2)
    torch.testing.assert_close(layer(x), plain(x), rtol=1e-13, atol=1e-13)
    # all weights are free, and so is the bias
    assert layer.bias.numel() == 13
    gradient = torch.autograd.grad(layer.weight().square().sum(), layer.coefficients)[0]
    assert (gradient != 0).all()


def test_every_equivariant_map_is_reached() -> None:
    """Averaging any weights over the group gives weights of the layer."""
    layer = made()
    cells = invariant_filters(2, 3, 0, group=SQUARE[:1]).shape[-1]
    rng = torch.Generator().manual_seed(0)
    plain = torch.randn(13, 13, cells, cells, generator=rng, dtype=torch.float64)

    def apply(weight: torch.Tensor, fields: dict) -> dict:
        x = torch.nn.functional.pad(pack(fields, TYPES, 2), (1, 1, 1, 1), mode="circular")
        return unpack(torch.nn.functional.conv2d(x, weight), TYPES, 2)

    fields = random_fields(TYPES, 2, 6, batch=1)
    wanted = {key: torch.zeros_like(value) for key, value in fields.items()}
    for g in SQUARE:
        for key, value in turn(g.T, apply(plain, turn(g, fields))).items():
            wanted[key] += value / len(SQUARE)
    # least squares over the coefficients, whose weights are orthogonal, is a projection
    with torch.no_grad():
        layer.bias.zero_()
        size = torch.zeros_like(layer.coefficients).index_add_(0, layer.place, layer.factor.flatten() ** 2)
        inner = torch.zeros_like(size).index_add_(0, layer.place, (layer.factor * plain).flatten())
        layer.coefficients.copy_(inner / size)
        found = layer(fields)
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, rtol=1e-12, atol=1e-12)


def test_turning_tensors_is_what_acting_on_datasets_is() -> None:
    grid = Grid((6.0, 6.0), 1.0)
    fields = random_fields({(0, 1): 1, (2, 1): 1}, 2, 6)
    attrs = {"units": "1", "long_name": "f", "symbol": "f", "role": "state"}
    data = xr.Dataset(
        {
            "spin": (("sample", "y", "x"), fields[0, 1][:, 0].numpy(), attrs | {"tensor_order": 0, "pseudo": 1}),
            "tensor": (
                ("sample", "y", "x", "i", "j"), fields[2, 1][:, 0].permute(0, 3, 4, 1, 2).numpy(),
                attrs | {"tensor_order": 2, "pseudo": 1},
            ),
        },
        grid.coordinates() | {name: (name, ["x", "y"]) for name in ("i", "j")},
    )  # fmt: skip
    for g in SQUARE:
        turned, acted = turn(g, fields), act(g, data)
        np.testing.assert_allclose(turned[0, 1][:, 0], acted["spin"], atol=1e-14)
        np.testing.assert_allclose(turned[2, 1][:, 0].permute(0, 3, 4, 1, 2), acted["tensor"], atol=1e-14)


def test_reflecting_is_the_periodic_layer_on_the_field_and_its_mirror_image() -> None:
    fields = random_fields(TYPES, 2, 6)
    doubled = fields
    for g in (np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])):
        image = turn(g, doubled)
        axis = -1 if g[0, 0] < 0 else -2
        doubled = {key: torch.cat([field, image[key]], dim=axis) for key, field in doubled.items()}
    inside, whole = made(padding="reflecting")(fields), made()(doubled)
    for key, value in inside.items():
        torch.testing.assert_close(value, whole[key][..., :6, :6], rtol=1e-12, atol=1e-12)


def test_biases_stand_where_they_are_lawful() -> None:
    def count(key, **options):
        bias = GeometricConv({(0, 0): 1, (2, 0): 1}, {key: 1}, 3, 2, **options).bias
        return 0 if bias is None else bias.numel()

    assert count((0, 0)) == 1
    assert count((1, 0)) == 0
    # of tensors of order 2, δ is left as it is by all, ε as a pseudotensor too, and as a tensor by rotations
    assert count((2, 0)) == 1
    assert count((2, 1)) == 1
    assert count((2, 0), symmetry="rotations") == 2
    assert count((1, 0), symmetry="none") == 2
    assert count((0, 0), bias=False) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GeometricConv({(0, 1): 1}, {(0, 0): 1}), "no equivariant 3x3 map from pseudoscalar to scalar"),
        (lambda: GeometricConv({(0, 0): 1}, {(1, 1): 1}, 3, 3), "no equivariant 3x3x3 map from scalar to pseudovector"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, 2), "stencil of odd width for the stride 1"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, 3, stride=2), "stencil of even width for the stride 2"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, 1, stride=3), "at most the width of the stencil"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, padding="same"), "padding: expected one of periodic"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, symmetry="all"), "symmetry: expected 'full'"),
        (lambda: GeometricConv({}, {(0, 0): 1}), "inputs: expected channels by type"),
        (lambda: GeometricConv({(0, 2): 1}, {(0, 0): 1}), "inputs: expected types"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1.5}), "outputs: expected a number of channels"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, 3, 4), "dim: expected 1, 2 or 3"),
        (lambda: GeometricConv({(0, 0): 1}, {(0, 0): 1}, 0), "size: expected an integer >= 1"),
        (lambda: made()({(0, 0): torch.zeros(1, 2, 8, 8)}), "expected fields of the types"),
        (lambda: made()(torch.zeros(1, 4, 8, 8)), "expected a packed tensor"),
        (lambda: made({(1, 0): 1}, {(0, 0): 1})({(1, 0): torch.zeros(1, 1, 8, 8, 2)}), "components stand before space"),
        (lambda: made({(0, 0): 1}, {(0, 0): 1}, 9)(torch.zeros(1, 1, 3, 3)), "grid of at least 4 cells"),
        (lambda: made({(0, 0): 1}, {(0, 0): 1}, 2, stride=2)(torch.zeros(1, 1, 5, 5)), "sides 2 divides"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(make, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_gradients_of_periodic_padding() -> None:
    parts = [torch.randn(1, n, 4, 5, dtype=torch.float64, requires_grad=True) for n in (2, 1)]
    assert torch.autograd.gradcheck(lambda *x: pad(x, (2, 4), "periodic"), parts)
    wanted = torch.nn.functional.pad(torch.cat(parts, dim=1), (4, 4, 2, 2), mode="circular")
    torch.testing.assert_close(pad(parts, (2, 4), "periodic"), wanted)
    # the gradient of a gradient is taken through convolutions, as for Hamiltonians
    assert torch.autograd.gradgradcheck(lambda *x: pad(x, (1, 1), "periodic").square(), parts)


def test_integers_of_numpy_count_as_integers_and_truth_values_do_not() -> None:
    three, two = np.int64(3), np.int32(2)
    types = {(np.int64(1), np.int64(0)): three, (0, 0): np.uint8(2)}
    conv = GeometricConv(types, {(0, 0): two}, three, two, stride=np.int64(1), dilation=np.int64(1))
    assert conv.inputs == {(0, 0): 2, (1, 0): 3}
    assert {type(n) for n in (*conv.inputs.values(), *sum(conv.inputs, ()), conv.size, conv.dim, conv.stride)} == {int}
    assert tuple(conv(torch.zeros(1, 8, 5, 5)).shape) == (1, 2, 5, 5)
    for wrong, told in (
        ((types, {(0, 0): True}), "outputs: expected a number of channels"),
        ((types, {(0, False): 1}), "outputs: expected types"),
        (({(True, 0): 1}, {(1, 0): 1}), "inputs: expected types"),
        ((types, {(0, 0): 1}, True), "size: expected an integer >= 1, given True"),
        ((types, {(0, 0): 1}, 3.0), "size: expected an integer >= 1, given 3.0"),
        ((types, {(0, 0): 1}, 3, 2.0), "dim: expected 1, 2 or 3, given 2.0"),
    ):
        with pytest.raises(InputError, match=told):
            GeometricConv(*wrong)
