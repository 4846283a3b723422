"""Tables of the literature, as X with names and y."""

import csv

import numpy as np


def rows(shared_data, name):
    with open(shared_data / "tables" / name, newline="") as file:
        return list(csv.DictReader(file))


def column(table, name):
    return np.array([float(row[name]) for row in table])


def dummies(table, name, levels):
    return [np.array([float(row[name] == level) for row in table]) for level in levels]


def admit(shared_data):
    table = rows(shared_data, "admit.csv")
    X = [column(table, "gre"), column(table, "gpa"), *dummies(table, "rank", "234")]
    names = ["gre", "gpa", "rank2", "rank3", "rank4"]
    return np.column_stack(X), column(table, "admit").astype(int), names


def birthwt(shared_data, few=False):
    table = rows(shared_data, "MASS_birthwt.csv")
    race = dummies(table, "race", "23")
    y = column(table, "low").astype(int)
    if few:
        return np.column_stack([column(table, "lwt"), *race]), y, ["lwt", "race2", "race3"]
    rest = [column(table, name) for name in ("smoke", "ptl", "ht", "ui")]
    X = [column(table, "age"), column(table, "lwt"), *race, *rest]
    names = ["age", "lwt", "race2", "race3", "smoke", "ptl", "ht", "ui"]
    return np.column_stack(X), y, names


def vaso(shared_data):
    table = rows(shared_data, "robustbase_vaso.csv")
    X = np.log([column(table, "Volume"), column(table, "Rate")]).T
    return X, column(table, "Y").astype(int), ["log_volume", "log_rate"]


def hsb2(shared_data):
    table = rows(shared_data, "openintro_hsb2.csv")
    X = [*dummies(table, "ses", ["middle", "high"]), column(table, "write")]
    y = np.array([row["prog"] for row in table])
    return np.column_stack(X), y, ["middle", "high", "write"]
