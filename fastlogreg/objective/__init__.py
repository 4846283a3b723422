"""The cost, its gradient and its Hessian at a point, and the bound on how far it is from J*."""
