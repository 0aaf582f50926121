"""Representations, the linear maps between them that commute with a group, and their irreducible parts."""
