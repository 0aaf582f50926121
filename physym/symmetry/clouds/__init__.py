"""Point clouds under O(d) x S_n: invariant features, congruence, and a regressor."""
