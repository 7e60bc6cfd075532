"""Frames are bounded, and the first and the last stay."""

from __future__ import annotations

from madi.studio.training.frames import MOST, MOST_BYTES, Frame, Frames


def kept(frames: Frames, steps: range) -> list[int]:
    for step in steps:
        frames.add(Frame(step, step // 10, {}))
    return frames.steps()


def test_frames_are_spread_over_the_steps() -> None:
    frames = Frames(1600, 100)
    due = [step for step in range(1601) if frames.is_due(step)]
    assert due[0] == 0
    assert len(due) <= MOST
    assert all(frames.until_due(step) == frames.stride - step % frames.stride for step in (0, 1, 20, 21))
    assert frames.stride == 21
    assert [frames.until_due(20, least) for least in (1, 2, 22, 23, 100)] == [1, 22, 22, 43, 106]


def test_there_are_never_too_many() -> None:
    steps = kept(Frames(10, 100), range(1000))
    assert len(steps) == MOST
    assert (steps[0], steps[-1]) == (0, 999)
    assert kept(Frames(1000, MOST_BYTES), range(10)) == [0, 4, 7, 9], "four stay: the closest neighbours go"
    frames = Frames(10, 1)
    frames.add(Frame(3, 0, {"a": 1}))
    frames.add(Frame(3, 0, {"a": 2}))
    assert [frame.weights for frame in (frames.at(None), frames.at(3)) if frame] == [{"a": 2}] * 2


def test_one_looks_back_at_the_last_frame_before_a_step() -> None:
    frames = Frames(100, 1)
    assert frames.at(None) is None
    for step in (0, 10, 20):
        frames.add(Frame(step, 0, {}))
    found = [frames.at(step) for step in (0, 9, 10, 19, 25)]
    assert [frame.step for frame in found if frame] == [0, 0, 10, 10, 20]
