"""The benchmarks: `python -m benchmarks --help`, from the root of the repository.

    cases/       what is measured: problems, their data, what every contender must find
    contenders/  who is measured: one file a package
    runs/        the measurements: one file for each name that the command takes
    report/      what becomes of a measurement: JSON, tables, figures, comparison with an older one

They are no part of the installed package.
"""
