import tracemalloc

import numpy as np
import pytest

from nnexp.data.augmentation.augment import Affine, Compose, Distort, Elastic, Flip, NoAugment, Shift
from nnexp.data.errors import DataError

AUGMENTS = {"shift": Shift, "affine": Affine, "elastic": Elastic, "distort": Distort}
SHAPES = [(28, 28), (8, 8), (3, 12, 9), (1, 5, 30), (2, 1, 1)]


def bound(augment, shape=(28, 28), capacity=128, dtype=np.float32, seed=0):
    augment.bind(shape, capacity, dtype, np.random.default_rng(seed))
    return augment


def images(n=100, shape=(28, 28), dtype=np.float32):
    return np.random.default_rng(1).random((n, int(np.prod(shape))), dtype)


def changed(augment, x):
    y = x.copy()
    augment(y)
    return y


@pytest.mark.parametrize("name", AUGMENTS)
def test_the_same_stream_draws_the_same_images_and_another_stream_others(name):
    x = images()
    first, again, other = (changed(bound(AUGMENTS[name](), seed=seed), x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", AUGMENTS)
def test_every_call_and_every_image_has_its_own_random_numbers(name):
    x = np.repeat(images(1), 100, axis=0)
    augment = bound(AUGMENTS[name]())
    first, second = changed(augment, x), changed(augment, x)
    assert not np.array_equal(first, second)
    assert len(np.unique(first, axis=0)) > 20  # a shift by 2 pixels has 25 variants


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", AUGMENTS)
def test_values_stay_between_0_and_1(name, shape, dtype):
    augment = bound(AUGMENTS[name](), shape, dtype=dtype)
    for x in (images(128, shape, dtype), np.ones((128, int(np.prod(shape))), dtype)):
        for _ in range(10):
            augment(x)
            assert x.min() >= 0
            assert x.max() <= 1
            assert x.dtype == dtype


@pytest.mark.parametrize("name", AUGMENTS)
def test_a_smaller_last_batch_does_not_change_the_rows_behind_it(name):
    x = images(100)
    y = x.copy()
    augment = bound(AUGMENTS[name]())
    augment(y[:37])
    assert (y[:37] != x[:37]).any(axis=1).sum() > 30  # a shift may be by nothing
    np.testing.assert_array_equal(y[37:], x[37:])
    augment(y[:1])
    np.testing.assert_array_equal(y[37:], x[37:])


@pytest.mark.parametrize("shape", [*SHAPES, (784,)], ids=str)
def test_none_changes_neither_images_nor_tables(shape):
    x = images(shape=shape)
    np.testing.assert_array_equal(changed(bound(NoAugment(), shape), x), x)


ZERO = {
    "shift": Shift(pixels=0),
    "affine": Affine(rotate=0.0, scale=0.0, shear=0.0),
    "elastic": Elastic(alpha=0.0),
    "distort": Distort(rotate=0.0, scale=0.0, alpha=0.0),
    "never": Distort(probability=0.0),
    "hardly": Elastic(alpha=1e-300),  # the displacement takes part, and is nothing
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ZERO)
def test_without_strength_images_stay_equal_to_the_bit(name, shape, dtype):
    x = images(shape=shape, dtype=dtype)
    np.testing.assert_array_equal(changed(bound(ZERO[name], shape, dtype=dtype), x), x)


def test_images_are_changed_with_the_probability():
    x = images(2000, (8, 8))
    for name, kind in AUGMENTS.items():
        share = (changed(bound(kind(probability=0.3), (8, 8), 2000), x) != x).any(axis=1).mean()
        low = 0.3 * (24 / 25 if name == "shift" else 1)  # one shift in 25 is by nothing
        assert abs(share - low) < 0.05


@pytest.mark.parametrize("pixels", [1, 2, 9])
def test_shifts_by_whole_pixels_are_uniform_and_pad_with_zeros(pixels):
    height, width = 5, 7
    x = images(3000, (2, height, width))
    y = changed(bound(Shift(pixels=pixels), (2, height, width), 3000), x).reshape(-1, 2, height, width)
    background = np.zeros((3000, 2, height + 2 * pixels, width + 2 * pixels), x.dtype)
    background[..., pixels : pixels + height, pixels : pixels + width] = x.reshape(-1, 2, height, width)
    explained = np.zeros(3000, int)
    for down in range(2 * pixels + 1):
        for right in range(2 * pixels + 1):
            window = background[..., down : down + height, right : right + width]
            matches = (window == y).all(axis=(1, 2, 3))
            explained += matches & window.any(axis=(1, 2, 3))
            if pixels < height:
                assert abs(matches.mean() * (2 * pixels + 1) ** 2 - 1) < 0.5
    assert (explained[y.any(axis=(1, 2, 3))] == 1).all()


@pytest.mark.parametrize("kind", AUGMENTS.values())
def test_channels_move_together_and_one_channel_is_the_same_as_none(kind):
    x = images(50)
    expected = changed(bound(kind()), x)
    for channels in (1, 3):
        y = changed(bound(kind(), (channels, 28, 28)), np.tile(x, channels))
        np.testing.assert_array_equal(y, np.tile(y[:, :784], channels))
        assert channels == 3 or np.array_equal(y, expected)


def test_a_flip_mirrors_left_and_right_with_all_channels_and_its_probability():
    shape = (3, 6, 5)
    x = images(2000, shape)
    y = changed(bound(Flip(probability=0.3), shape, 2000), x).reshape(-1, *shape)
    mirrored = np.flip(x.reshape(-1, *shape), axis=3)
    is_mirrored = (y == mirrored).all(axis=(1, 2, 3))
    assert abs(is_mirrored.mean() - 0.3) < 0.05
    np.testing.assert_array_equal(y[~is_mirrored], x.reshape(-1, *shape)[~is_mirrored])


def crop_flip(pixels=4):
    return Compose(steps=[Shift(pixels=pixels), Flip()])


def test_composed_augmentations_act_one_after_the_other():
    shape = (3, 6, 5)
    x = images(400, shape)
    y = changed(bound(crop_flip(1), shape, 400), x).reshape(-1, *shape)
    originals = x.reshape(-1, *shape)
    copies = set()
    padded = np.pad(originals, [(0, 0), (0, 0), (1, 1), (1, 1)])
    explained = np.zeros(400, int)
    for down in range(3):
        for right in range(3):
            window = padded[..., down : down + 6, right : right + 5]
            for flipped in (False, True):
                matches = (y == (window[..., ::-1] if flipped else window)).all(axis=(1, 2, 3))
                explained += matches
                copies |= {(down, right, flipped)} if matches.any() else set()
    assert (explained == 1).all()
    assert len(copies) == 18


def test_composed_augmentations_are_reproducible_and_need_images():
    x = images(50, (3, 8, 8))
    first, again, other = (changed(bound(crop_flip(), (3, 8, 8), seed=seed), x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(DataError, match="augment=none"):
        bound(crop_flip(), (4,))


def test_no_image_leaks_into_the_next():
    x = np.zeros((100, 784), np.float32)
    x[::2] = 1
    for kind in (*AUGMENTS.values(), lambda: Shift(pixels=100), lambda: Affine(shift=100.0)):
        assert not changed(bound(kind()), x)[1::2].any()


def test_published_parameters_move_a_pixel_by_about_one_and_a_half():
    augment = bound(Elastic())
    moves = augment.displacement(64, np.random.default_rng(0)).reshape(64, 28, 28)
    assert moves[:, 8:-8, 8:-8].std() == pytest.approx(34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * 4), rel=0.15)
    assert abs(moves.mean()) < 0.1
    bends = np.abs(np.diff(moves, axis=1)).max()
    assert bends < 1.5, "neighbouring pixels go the same way"


@pytest.mark.parametrize("shape", [(784,), (2, 3, 4, 5)], ids=str)
def test_examples_that_are_no_images_are_refused_with_a_remedy(shape):
    for kind in AUGMENTS.values():
        with pytest.raises(DataError, match="augment=none"):
            bound(kind(), shape)


def traced_memory(call):
    """Return peak and kept bytes of five calls; the least of three, as other threads allocate too."""
    peaks, kept = [], []
    for _ in range(3):
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(5):
                call()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        peaks.append(peak - before)
        kept.append(after - before)
    return min(peaks), min(kept)


@pytest.mark.parametrize("batch", [128, 512])
@pytest.mark.parametrize("shape", [(28, 28), (3, 32, 32)], ids=str)
@pytest.mark.parametrize("kind", [*AUGMENTS.values(), Flip, crop_flip])
def test_augmenting_a_batch_allocates_no_array(kind, shape, batch):
    augment = bound(kind(), shape, batch)
    x = images(batch, shape)
    augment(x)
    peak, kept = traced_memory(lambda: augment(x))
    assert peak < 20_000 < x.nbytes / 20
    assert kept < 4_000
