"""What X is: dense, sparse, or in blocks. Backends compute on it."""
