"""A run: budgets, checkpoints, warnings, and the choice of a solver around the objective."""
