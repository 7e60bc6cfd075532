"""The pages, in the order of their links."""

from __future__ import annotations

from madi.studio.frame import Entry
from madi.studio.pages import draw, lab, runs, step, train

PAGES = (
    Entry("/step", "step", step.build),
    Entry("/draw", "draw", draw.build),
    Entry("/train", "train", train.build),
    Entry("/lab", "lab", lab.build),
    Entry("/runs", "runs", runs.build, runs.routes),
)
