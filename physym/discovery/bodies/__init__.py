"""Discovery of the laws of bodies and of scalar time series."""
