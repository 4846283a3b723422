"""Who is measured: one file a package, with its pass of cost and gradient and its whole fits."""
