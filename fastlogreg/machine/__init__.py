"""What the package knows of the machine: threads, caches, memory, BLAS and mapped files."""
