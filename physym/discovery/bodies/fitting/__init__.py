"""Windows of trajectories, the linear equations for coefficients in them, and the fit through the simulation."""
