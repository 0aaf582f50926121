"""Averages over groups, and the cheap exact versions: frames and canonical forms."""
