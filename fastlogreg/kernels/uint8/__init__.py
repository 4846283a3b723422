"""Products of bytes as integers, for CPUs with AVX-512 or AVX2."""
