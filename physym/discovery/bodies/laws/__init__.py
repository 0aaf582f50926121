"""Laws of bodies: sums of lawful terms, as a Hamiltonian or as ordinary differential equations."""
