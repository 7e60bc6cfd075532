"""The books of an epoch: the same sums however it is cut, and from a kept state on."""

import numpy as np
import pytest

from madi.training.grouping import Groups
from madi.training.tally import Tally

# In this order alone do the first three add up to 1: 1e16 + 1 is 1e16.
REPORTS = np.array([[1e16, 1], [-1e16, 1], [1, 1], [2, 1], [1e16, 1], [1, 1], [-1e16, 1]])


@pytest.mark.parametrize("cuts", [[], [1], [2, 3], [1, 2, 3, 4, 5, 6]])
def test_cut_anywhere(cuts):
    whole, parts = Tally(3), Tally(3)
    whole.begin(2)
    parts.begin(2)
    ends = np.array([False, False, True, False, False, True, True])
    expected = whole.add(REPORTS, ends)
    found = [parts.add(*pair) for pair in zip(np.split(REPORTS, cuts), np.split(ends, cuts), strict=True)]
    assert np.concatenate(found).tolist() == expected.tolist()
    assert parts.totals.tolist() == whole.totals.tolist()
    assert (parts.batches, parts.updates) == (whole.batches, whole.updates) == (7, 3)
    assert expected[0].tolist() == [1, 3]


def test_from_a_state_on():
    whole, first, second = Tally(2), Tally(2), Tally(2)
    whole.begin(2)
    first.begin(2)
    ends = np.arange(7) % 2 == 1
    expected = whole.add(REPORTS, ends)
    early = first.add(REPORTS[:3], ends[:3])
    second.restore_state(first.state())
    assert second.open
    assert np.concatenate([early, second.add(REPORTS[3:], ends[3:])]).tolist() == expected.tolist()
    assert second.groups.place == whole.groups.place == 1
    assert second.totals.tolist() == whole.totals.tolist()


def test_between_two_epochs_there_is_nothing_to_keep():
    books = Tally(1)
    assert books.state() is None
    books.begin(2)
    books.add(REPORTS, None)
    assert books.state()["batches"] == 7
    books.close()
    assert books.state() is None


def test_groups_go_on_too():
    one, two = Groups(4), Groups(4)
    one.begin()
    two.begin()
    one.by_update(REPORTS[:3], np.zeros(3, bool))
    two.restore_state(one.state())
    assert two.places(2).tolist() == [3, 4]
    assert two.by_update(REPORTS[3:4], np.ones(1, bool)).tolist() == [[3, 4]]
