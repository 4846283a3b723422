"""Images, labels and theta to the lectures' shapes and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.lectures.notation import from_theta, labels_to_Y, to_theta


def test_images_become_columns_without_a_copy():
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    X = flr.flatten_images(images)
    assert X.shape == (60, 2)
    assert X.dtype == np.uint8
    assert np.shares_memory(X, images)
    np.testing.assert_array_equal(X[:, 1], images[1].ravel())
    np.testing.assert_array_equal(X, images.reshape(images.shape[0], -1).T)  # the lectures' formula


def test_grey_images_and_images_in_another_order():
    grey = np.random.default_rng(0).normal(size=(3, 4, 5))
    assert np.shares_memory(flr.flatten_images(grey), grey)
    np.testing.assert_array_equal(
        flr.flatten_images(np.asfortranarray(grey)), flr.flatten_images(grey)
    )
    np.testing.assert_array_equal(flr.flatten_images(grey[::2]), flr.flatten_images(grey)[:, ::2])


def test_a_memmap_stays_on_disk(tmp_path):
    images = np.memmap(tmp_path / "images", dtype=np.uint8, mode="w+", shape=(2, 3, 3, 3))
    assert np.shares_memory(flr.flatten_images(images), images)


@pytest.mark.parametrize("shape", [(5,), (4, 5), ()])
def test_what_is_no_stack_of_images(shape):
    with pytest.raises(
        ValueError,
        match=r"images must have shape \(m, height, width, channels\).*images\[np.newaxis\]",
    ):
        flr.flatten_images(np.zeros(shape))


def test_images_without_pixels_or_of_objects():
    with pytest.raises(ValueError, match=r"at least one image.*got shape \(0, 4, 4\)"):
        flr.flatten_images(np.zeros((0, 4, 4)))
    with pytest.raises(TypeError, match="images must hold real numbers"):
        flr.flatten_images(np.full((1, 2, 2), None))


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_labels_of_any_shape_become_a_row(shape):
    for labels in (np.array([1, 0, 1]), np.array([1.0, 0.0, 1.0]), np.array([True, False, True])):
        Y = labels_to_Y(labels.reshape(shape))
        assert Y.dtype == np.uint8
        np.testing.assert_array_equal(Y, [[1, 0, 1]])


def test_labels_by_the_one_that_counts_as_1():
    np.testing.assert_array_equal(labels_to_Y([7, 3, 7, 9], positive=7), [[1, 0, 1, 0]])
    np.testing.assert_array_equal(labels_to_Y(["cat", "dog"], positive="cat"), [[1, 0]])
    with pytest.raises(ValueError, match="positive must be one of the labels; got 'cow'"):
        labels_to_Y(["cat", "dog"], positive="cow")
    with pytest.raises(ValueError, match="positive must be one of the labels; got 'cow'"):
        labels_to_Y([0, 1], positive="cow")


@pytest.mark.parametrize("shape", [(2, 2), (1, 1, 4), (), (0, 3)])
def test_labels_of_the_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"labels must have shape \(m,\), \(m, 1\) or \(1, m\)"):
        labels_to_Y(np.zeros(shape))


def test_labels_that_are_not_0_and_1():
    with pytest.raises(ValueError, match="Y must hold labels 0 or 1; got 2"):
        labels_to_Y([0, 1, 2])


@given(w=st.lists(st.floats(-10, 10), min_size=1, max_size=6), b=st.floats(-10, 10))
def test_theta_to_and_fro(w, b):
    w = np.array(w).reshape(-1, 1)
    theta = to_theta(w, b)
    assert theta.shape == (w.size + 1, 1)
    w_again, b_again = from_theta(theta)
    np.testing.assert_array_equal(w_again, w)
    assert b_again == b
    x = np.arange(w.size, dtype=float).reshape(-1, 1)
    x_with_x0 = np.vstack([[[1.0]], x])  # x_0 = 1
    np.testing.assert_allclose(theta.T @ x_with_x0, w.T @ x + b, rtol=1e-12, atol=1e-12)


def test_rank_1_arrays_never_broadcast():
    with pytest.raises(
        ValueError, match=r"w must have shape \(3, 1\).*rank-1 array.*w.reshape\(3, 1\)"
    ):
        to_theta(np.zeros(3), 0.0)
    with pytest.raises(ValueError, match=r"theta must have shape \(4, 1\).*theta.reshape\(4, 1\)"):
        from_theta(np.zeros(4))
    with pytest.raises(ValueError, match=r"theta must have shape \(2, 1\)"):
        from_theta(np.zeros((1, 1)))
    with pytest.raises(TypeError, match="b must be a number"):
        to_theta(np.zeros((3, 1)), "0")
