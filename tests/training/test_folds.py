"""Splits as groups of examples: any splits will do, and every empty part is named."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.training.folds import grouped, patterns_of

LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1], np.int32)


def test_groups_count_how_often_an_example_is_in_each_part():
    rng = np.random.default_rng(0)
    splits = [(rng.integers(0, 8, 6), rng.integers(0, 8, 5)) for _ in range(4)]
    found = grouped(splits, LABELS)
    for f, (train, test) in enumerate(splits):
        np.testing.assert_array_equal(found.train[f][found.group], np.bincount(train, minlength=8))
        np.testing.assert_array_equal(found.test[f][found.group], np.bincount(test, minlength=8))
    np.testing.assert_array_equal(found.label[found.group], LABELS)


def test_folds_are_as_few_groups_as_there_are():
    fold = np.arange(8) // 2
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    assert grouped(splits, LABELS).train.shape == (4, 8)
    assert grouped(splits[:1], LABELS).train.shape == (1, 4)


def test_patterns_weigh_classes_in_training_alone():
    splits = [(np.arange(4), np.arange(4, 8))]
    groups = grouped(splits, LABELS)
    totals = np.bincount(groups.group).astype(float)
    whole, fold = patterns_of(groups, totals, np.array([1.0, 3.0]))
    assert (whole.total, whole.held_total) == (16.0, 0.0)
    assert (fold.total, fold.held_total) == (8.0, 4.0)


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ((np.arange(8), np.arange(0)), "the test set of split 1, counted from 0, is empty"),
        ((np.arange(0), np.arange(8)), "the training set of split 1, counted from 0, is empty"),
    ],
)
def test_an_empty_part_is_named(split, text):
    with pytest.raises(ValueError, match=text):
        grouped([(np.arange(4), np.arange(4, 8)), split], LABELS)


def test_one_class_alone_and_no_weight_are_named():
    groups = grouped([(np.array([0, 2]), np.array([1, 3]))], LABELS)
    with pytest.raises(ValueError, match="split 0, counted from 0, has one alone"):
        patterns_of(groups, np.bincount(groups.group).astype(float), np.ones(2))
    groups = grouped([(np.arange(4), np.arange(4, 8))], LABELS)
    totals = np.bincount(groups.group).astype(float) * (groups.test[0] == 0)
    with pytest.raises(ValueError, match="of split 0, counted from 0, weigh 0"):
        patterns_of(groups, totals, np.ones(2))
