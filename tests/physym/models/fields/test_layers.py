"""Gates, norms, products, sampling and networks: all commute with the symmetries of the grid."""

from __future__ import annotations

import pytest
import torch

from physym.models.fields import (
    Gate,
    Normalise,
    NormGate,
    Polynomial,
    TensorProduct,
    average_pool,
    longest_pool,
    make_net,
    pack,
    refine,
    unpack,
)
from physym.models.fields.equivariance import equivariance_error, packed, random_fields, translation_error
from physym.models.fields.products import levi_civita, paths
from physym.symmetry import Hyperoctahedral
from simulators.errors import InputError

TYPES = {(0, 0): 3, (0, 1): 3, (1, 0): 3, (1, 1): 3, (2, 0): 3}
GROUPS = {dim: Hyperoctahedral(dim).elements() for dim in (1, 2, 3)}


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """With random parameters, where they begin at 0 or 1."""
    torch.manual_seed(3)
    for parameter in module.double().parameters():
        torch.nn.init.normal_(parameter)
    return module


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("kind", ["gate", "norm gate", "normalise", "centred", "polynomial"])
def test_layers_commute_with_all_elements(kind, dim) -> None:
    made = {
        "gate": lambda: Gate(TYPES, dim),
        "norm gate": lambda: NormGate(TYPES, dim),
        "normalise": lambda: Normalise(TYPES, dim),
        "centred": lambda: Normalise(TYPES, dim, centred=True),
        "polynomial": lambda: Polynomial(TYPES, dim),
    }
    layer = shaken(made[kind]())
    inputs = getattr(layer, "inputs", TYPES)
    fields, whole = random_fields(inputs, dim, 4), packed(layer, inputs, TYPES, dim)
    assert equivariance_error(whole, fields, GROUPS[dim]) < 1e-12
    assert translation_error(whole, fields, dim, 1, 1) < 1e-12
    # a tensor times a scalar would not need this layer: it is not linear
    twice = whole({key: 2 * value for key, value in fields.items()})
    assert all((twice[key] - 2 * value).abs().max() > 1e-2 for key, value in whole(fields).items())


@pytest.mark.parametrize("dim", [2, 3])
def test_products_are_those_of_vector_algebra(dim) -> None:
    a, b = (random_fields({(1, 0): 1}, dim, 2, seed=seed)[1, 0] for seed in (0, 1))
    outputs = {2: {(0, 0): 1, (0, 1): 1}, 3: {(0, 0): 1, (1, 1): 1}}[dim]
    product = TensorProduct({(1, 0): 1}, {(1, 0): 1}, outputs, dim).double()
    for weight in product.weights:
        torch.nn.init.ones_(weight)
    found = unpack(product(a.flatten(1, 2), b.flatten(1, 2)), outputs, dim)
    torch.testing.assert_close(found[0, 0], (a * b).sum(dim=2))
    if dim == 2:
        torch.testing.assert_close(found[0, 1], a[:, :, 0] * b[:, :, 1] - a[:, :, 1] * b[:, :, 0])
    else:
        torch.testing.assert_close(found[1, 1], torch.linalg.cross(a, b, dim=2))


@pytest.mark.parametrize("dim", [2, 3])
def test_every_path_leads_to_its_type_and_commutes(dim) -> None:
    kinds = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    seen = set()
    for left in kinds:
        for right in kinds:
            every = paths(left, right, dim)
            seen |= {(path.contracted, path.twisted) for path in every}
            for goal in {path.result(dim) for path in every}:
                layer = shaken(TensorProduct({left: 1}, {right: 1}, {goal: 1}, dim))
                x = random_fields({left: 1}, dim, 3)
                y = random_fields({right: 1}, dim, 3, seed=1)
                few = GROUPS[dim][:: 1 if dim == 2 else 11]

                def multiplied(fields, layer=layer, right=right, goal=goal, y=y, left=left):
                    # both factors must turn, so that they travel as two batches of channels
                    first, second = fields[left][:, :1], fields[right][:, -1:]
                    found = layer(pack({left: first}, {left: 1}, dim), pack({right: second}, {right: 1}, dim))
                    return unpack(found, {goal: 1}, dim)

                both = {left: torch.cat([x[left], y[right]], dim=1)} if left == right else {**x, **y}
                assert equivariance_error(multiplied, both, few) < 1e-12
                assert multiplied(both)[goal].abs().max() > 1e-6
    assert seen == {(n, twisted) for n in range(3) for twisted in (False, True)} - {(2, True)}
    assert levi_civita(dim).abs().sum() == (2 if dim == 2 else 6)


def test_pools_and_refinement() -> None:
    fields = random_fields(TYPES, 2, 8)

    def pooled(apply, factor: float):
        layer = lambda given: unpack(apply(pack(given, TYPES, 2)), TYPES, 2)  # noqa: E731
        assert equivariance_error(layer, fields, GROUPS[2]) < 1e-12
        assert translation_error(layer, fields, 2, 2, factor) < 1e-12
        return layer(fields)

    blocks = pooled(average_pool, 1 / 2)
    expected = fields[1, 0].unfold(-1, 2, 2).unfold(-3, 2, 2).mean(dim=(-1, -2))
    torch.testing.assert_close(blocks[1, 0], expected)
    longest = pooled(lambda x: longest_pool(x, TYPES), 1 / 2)
    corner = fields[1, 0][0, 0, :, :2, :2].reshape(2, 4)
    torch.testing.assert_close(longest[1, 0][0, 0, :, 0, 0], corner[:, corner.norm(dim=0).argmax()])
    assert longest[0, 0][0, 0, 0, 0] == fields[0, 0][0, 0, :2, :2].max()
    finer = pooled(lambda x: refine(x, 2), 2)
    torch.testing.assert_close(finer[2, 0][..., ::2, 1::2], fields[2, 0])
    with pytest.raises(InputError, match="sides 3 divides"):
        average_pool(torch.zeros(1, 1, 8, 8), 3)


INPUTS, OUTPUTS = {(0, 0): 2, (0, 1): 1, (1, 0): 2, (2, 0): 1}, {(0, 0): 1, (1, 0): 1, (2, 0): 1}


@pytest.mark.parametrize("name", ["resnet", "dilated", "unet"])
def test_networks_commute_with_the_square(name) -> None:
    torch.manual_seed(0)
    net = make_net(name, INPUTS, OUTPUTS, 2, width=3).double()
    layer, fields = packed(net, INPUTS, OUTPUTS, 2), random_fields(INPUTS, 2, 16, batch=1)
    assert equivariance_error(layer, fields, GROUPS[2]) < 1e-12
    # of a U-Net by whole coarsest cells, and not by one
    step = 4 if name == "unet" else 1
    assert translation_error(layer, fields, 2, step, 1) < 1e-12
    assert (translation_error(layer, fields, 2, 1, 1) > 1e-6) == (name == "unet")
    single = packed(net.float(), INPUTS, OUTPUTS, 2)
    assert equivariance_error(single, {key: field.float() for key, field in fields.items()}, GROUPS[2]) < 1e-5


@pytest.mark.parametrize("dim", [2, 3])
def test_scalars_alone_are_enough_to_begin_with(dim) -> None:
    """No 3 x 3 stencil makes a pseudoscalar of a scalar: those begin at zero, and products make them."""
    torch.manual_seed(0)
    net = make_net("resnet", {(0, 0): 2}, {(0, 0): 1, (1, 0): 1}, dim, width=2, depth=2).double()
    fields = random_fields({(0, 0): 2}, dim, 5, batch=1)
    layer = packed(net, {(0, 0): 2}, {(0, 0): 1, (1, 0): 1}, dim)
    assert equivariance_error(layer, fields, GROUPS[dim][:: 1 if dim == 2 else 7]) < 1e-12


def test_networks_commute_with_the_cube_and_the_line() -> None:
    torch.manual_seed(0)
    net = make_net("dilated", INPUTS, OUTPUTS, 3, width=1, depth=2).double()
    layer, fields = packed(net, INPUTS, OUTPUTS, 3), random_fields(INPUTS, 3, 4, batch=1)
    assert equivariance_error(layer, fields, GROUPS[3][::7]) < 1e-12
    line = {(0, 0): 1, (1, 0): 1}
    net = make_net("unet", line, line, 1, width=2).double()
    assert equivariance_error(packed(net, line, line, 1), random_fields(line, 1, 8), GROUPS[1]) < 1e-12


@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_equal_numbers_of_parameters_with_and_without_symmetry(name) -> None:
    counts = [
        sum(p.numel() for p in make_net(name, INPUTS, OUTPUTS, 2, parameters=60_000, symmetry=s).parameters())
        for s in ("full", "rotations", "none")
    ]
    assert all(30_000 < count <= 60_000 for count in counts)
    with pytest.raises(InputError, match="parameters: expected at least"):
        make_net(name, INPUTS, OUTPUTS, 2, parameters=10)


def test_the_plain_net_knows_no_symmetry_but_translation() -> None:
    torch.manual_seed(0)
    net = make_net("resnet", INPUTS, OUTPUTS, 2, width=8, symmetry="none").double()
    layer, fields = packed(net, INPUTS, OUTPUTS, 2), random_fields(INPUTS, 2, 8)
    assert equivariance_error(layer, fields, GROUPS[2]) > 1e-2
    assert translation_error(layer, fields, 2, 1, 1) < 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_net("mlp", INPUTS, OUTPUTS, 2), "net: expected one of resnet, dilated, unet"),
        (lambda: make_net("resnet", INPUTS, OUTPUTS, 2, width=0), "width: expected an integer >= 1"),
        (lambda: make_net("unet", INPUTS, OUTPUTS, 2, width=2)(torch.zeros(1, 11, 6, 6)), "sides 4 divides"),
        (lambda: TensorProduct({(0, 0): 1}, {(0, 0): 1}, {(1, 0): 1}, 2), "leads to vector"),
        (lambda: TensorProduct({(0, 0): 1}, {(0, 0): 2}, {(0, 0): 2}, 2), "no product of 2 channels"),
    ],
)
def test_bad_input_is_refused_in_one_line(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_block_of_products_holds_advection() -> None:
    """u·∇s is found by training; no linear map and no function of single scalars has a part in it."""
    torch.manual_seed(0)
    types = {(0, 0): 1, (1, 0): 1}
    net = make_net("resnet", types, {(0, 0): 1}, 2, width=2, depth=1).double()
    fields = random_fields(types, 2, 12, batch=2)
    s, v = fields[0, 0], fields[1, 0]
    slope = torch.stack([s.roll(-1, -1) - s.roll(1, -1), s.roll(-1, -2) - s.roll(1, -2)], dim=2) / 2
    wanted = 0.1 * (slope * v).sum(dim=2)
    x = pack(fields, types, 2)
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = (net(x) - wanted).square().mean() / wanted.square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    assert float(loss().detach()) < 0.05
