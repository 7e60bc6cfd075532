"""The images of an experiment: those asked for where they are at hand, the digits in the box otherwise."""

from __future__ import annotations

from dataclasses import replace

from madi import datasets
from madi.datasets import Dataset


def images(name: str) -> Dataset:
    """The dataset `name`, or "digits" with a notice where it is not on this machine.  Nothing is downloaded.

    Whoever computes with it puts its `name` and `notice` into the data: the page says them.
    """
    if next(listing.present for listing in datasets.catalogue() if listing.name == name):
        return datasets.load(name)
    told = (
        f"{name} is not on this machine, so this ran on the 8 x 8 digits that come with madi. "
        f"`madi train {name}` downloads it; or set MADI_DATA to the folder that holds it."
    )
    return replace(datasets.load("digits"), notice=told)
