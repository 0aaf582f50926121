"""Vectors under the classical groups: complete invariants, equivariants, and the way back from one to the other."""
