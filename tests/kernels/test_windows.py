"""Sizes of windows: hand-worked padding, and what is refused."""

from __future__ import annotations

import pytest

from madi.errors import ConfigurationError, ShapeError
from madi.kernels.windows import make_windows


def test_same_padding_puts_the_odd_pixel_below_and_to_the_right() -> None:
    # 5 columns, stride 2: 3 outputs reach over (3 - 1) 2 + 4 = 8 pixels, so 3 are padded: 1 before and 2 after.
    windows = make_windows((3, 4), image=(4, 5), stride=(1, 2), padding="same")
    assert windows.padding == ((1, 1), (1, 2))
    assert windows.output_size((4, 5)) == (4, 3)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((0, 1), (2, 3)), ((0, 1), (2, 3))),
    ],
)
def test_ways_to_write_a_padding(padding: object, expected: object) -> None:
    assert make_windows(3, image=(9, 9), padding=padding).padding == expected


def test_ceil_lets_the_last_window_hang_over_but_not_begin_outside() -> None:
    # 6 pixels, window 3, stride 2: floor gives 2 windows; the third begins at 4 and hangs over by one pixel.
    assert make_windows(3, image=(6, 6), stride=2, ceil=True).padding == ((0, 1), (0, 1))
    # 4 pixels, window 2, stride 3 and one of padding: a third window would begin at 6, beyond the 1 + 4 before it.
    assert make_windows(2, image=(4, 4), stride=3, padding=1, ceil=True).output_size((4, 4)) == (2, 2)


def test_dilation_widens_the_reach() -> None:
    windows = make_windows(3, image=(9, 9), dilation=3)
    assert windows.reach == (7, 7)
    assert windows.output_size((9, 9)) == (3, 3)


@pytest.mark.parametrize("options", [{"stride": 3}, {"padding": ((1, 0), (2, 1))}, {"stride": 2, "dilation": (2, 3)}])
def test_the_image_of_so_many_windows_is_the_smallest_that_has_them(options: dict[str, object]) -> None:
    windows = make_windows((2, 3), image=(9, 9), **options)  # type: ignore[arg-type]
    height, width = windows.image_size((4, 5))
    assert windows.output_size((height, width)) == (4, 5)
    assert windows.output_size((height - 1, width - 1)) == (3, 4)


def test_what_does_not_fit_is_said() -> None:
    message = (
        r"^windows of \(5, 5\) pixels: expected an image at least as large with its padding \(\(0, 0\), \(0, 0\)\), "
        r"got \(4, 9\)\. Pad more, or make the kernel smaller\.$"
    )
    with pytest.raises(ShapeError, match=message):
        make_windows(5, image=(4, 9)).output_size((4, 9))
    message = r"^padding must be 'same', 'valid' or a number of pixels, got 'full'\. Try padding='same'\.$"
    with pytest.raises(ConfigurationError, match=message):
        make_windows(3, image=(9, 9), padding="full")
    message = r"^stride must be a whole number of at least 1, or two of them, got 0\. Try stride=1\.$"
    with pytest.raises(ConfigurationError, match=message):
        make_windows(3, image=(9, 9), stride=0)
