"""Embedding: a vector for each of a number of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import DataError, ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library, is_traced
from madi.kernels.indexing import scatter_add

EXACT = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24}  # up to here every whole number has a place


class EmbeddingLookup(Function):
    """Rows of a table of vectors, picked by whole numbers.

    forward   y  = W[codes]                 codes (...,) from 0 to categories - 1, W (categories, size) -> (..., size)
    backward  gW = zeros like W, to which gy is added at [codes]      a row picked twice gets both gradients
    keeps the codes, which have no gradient: they are names, not amounts

    It is the product of one-hot rows and W, without the rows.  Codes may be floats that hold whole numbers.  Those out
    of range are refused where they can be looked at; a compiled program takes the nearest row.
    """

    symbol = "W[ ]"

    def __init__(self, *, where: str = "embedding") -> None:
        self.where = where

    def forward(self, codes: Array, weight: Array) -> Array:
        if weight.ndim != 2:
            raise ShapeError(f"{self.where}: expected weights (categories, size), got {weight.shape}.")
        self.check(codes, len(weight))
        self.codes, self.shape = codes.astype(np.int32), weight.shape
        return array_library(codes, weight).asarray(weight)[self.codes]  # of the library of both

    def backward(self, gy: Array) -> tuple[None, Array]:
        return None, scatter_add(self.shape, self.codes, gy)

    def check(self, codes: Array, categories: int) -> None:
        """Refuse codes that are no row of the table, and a number type in which neighbouring codes are the same."""
        if categories - 1 > EXACT.get(codes.dtype.name, categories):
            raise DataError(
                f"{self.where}: {codes.dtype} tells {EXACT[codes.dtype.name]} codes apart, and there are {categories} "
                "categories. Train in float32, or with fewer categories."
            )
        if not is_traced(codes) and codes.size:
            _expect_rows(self.where, np.asarray(codes), categories)


def _expect_rows(where: str, codes: np.ndarray, categories: int) -> None:
    """Raise DataError, with the first place, for a code that is not a whole number from 0 to categories - 1."""
    wrong = ~((codes >= 0) & (codes < categories))
    if codes.dtype.kind == "f":
        wrong |= codes != np.floor(codes)
    if wrong.any():
        place = tuple(int(index) for index in np.unravel_index(int(wrong.argmax()), wrong.shape))
        raise DataError(
            f"{where}: expected whole numbers from 0 to {categories - 1}, one for each category, got "
            f"{codes[place]} at {place}. Number the categories from 0, or make the table larger."
        )


def embedding(codes: Any, weight: Any, *, where: str = "embedding") -> Variable:
    """The rows of `weight` (categories, size) at `codes` (...,): (..., size).  See `EmbeddingLookup`.

    where     what messages call it

    Raises DataError for codes that are no whole numbers from 0 to categories - 1, ShapeError for other weights.
    """
    return EmbeddingLookup(where=where)(codes, weight)
