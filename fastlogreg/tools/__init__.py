"""Tools around the package: doctor, timing, read bandwidth, compiling ahead."""
