"""What every test shares: no window for figures, one profile of property tests."""

from __future__ import annotations

import os

import hypothesis

os.environ["MPLBACKEND"] = "Agg"

# The same examples on every run, so that a red test stays red; a first call that compiles is not a failure.
hypothesis.settings.register_profile("madi", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("madi")
