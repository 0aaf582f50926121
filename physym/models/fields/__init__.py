"""Networks on grids of scalars, vectors and tensors that commute with translations, rotations and reflections.

- `GeometricConv`: every equivariant convolution of a stencil, at the price of a plain one;
- `Gate`, `NormGate`, `TensorProduct`, `Polynomial`: nonlinearities; `Normalise`; `average_pool`, `longest_pool`,
  `refine`;
- `ResNet`, `UNet`, `make_net`: networks; `physym.FieldNet` is the model that is made of them.
"""

from __future__ import annotations

from physym.models.fields.blocks import Block, Polynomial
from physym.models.fields.convolution import GeometricConv
from physym.models.fields.equivariance import turn
from physym.models.fields.gates import Gate, NormGate
from physym.models.fields.nets import make_net
from physym.models.fields.normalisation import Normalise
from physym.models.fields.products import TensorProduct
from physym.models.fields.resnet import ResNet
from physym.models.fields.sampling import average_pool, longest_pool, refine
from physym.models.fields.types import pack, unpack
from physym.models.fields.unet import UNet

__all__ = [
    "Block",
    "Gate",
    "GeometricConv",
    "NormGate",
    "Normalise",
    "Polynomial",
    "ResNet",
    "TensorProduct",
    "UNet",
    "average_pool",
    "longest_pool",
    "make_net",
    "pack",
    "refine",
    "turn",
    "unpack",
]
