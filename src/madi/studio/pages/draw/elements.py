"""The page's own elements: a sheet to draw on, bars of probabilities, numbers as pictures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from nicegui.element import Element

BITMAP = 112  # pixels of a side of what the sheet sends


class Drawn(NamedTuple):
    """What the sheet sends: the number that its answer is to carry, how many strokes there are, the bitmap."""

    number: int
    strokes: int
    bitmap: np.ndarray


class Sheet(Element, component="canvas.js"):
    """A sheet to draw on; each change is sent, once the one before is answered."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._props["label"] = label
        self._props["answered"] = 0

    def answer(self, number: int) -> None:
        """The bitmap of that number was answered: the next one may come."""
        self._props["answered"] = number
        self.update()

    def undo(self) -> None:
        """Take the last stroke back."""
        self.run_method("undo")

    def wipe(self) -> None:
        """Begin anew."""
        self.run_method("clear")

    def renew(self) -> None:
        """Let it send what is drawn again."""
        self.run_method("renew")


def received(sent: Any) -> Drawn | None:
    """What came from a sheet; None for anything else."""
    try:
        pixels = base64.b64decode(sent["bitmap"], validate=True)
        bitmap = np.frombuffer(pixels, np.uint8).reshape(BITMAP, BITMAP)
        return Drawn(int(sent["number"]), int(sent["strokes"]), bitmap)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, binascii.Error):
        return None


class Bars(Element, component="reading.js"):
    """The likeliest class large, and a bar for the probability of each."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self._props.update({**texts, "classes": list("0123456789"), "values": [0.0] * 10, "drawn": False})

    def show(self, classes: Sequence[str], values: Sequence[float], *, drawn: bool, number: int = 0) -> None:
        """Other probabilities: the answer to the bitmap of that number."""
        shown = [round(float(value), 4) for value in values]
        self._props.update({"classes": list(classes), "values": shown, "drawn": drawn, "number": number})
        self.update()


class Tiles(Element, component="tiles.js"):
    """Pictures (count, height, width): int8 for signed numbers, uint8 or 0..1 for grey levels."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._props["label"] = label
        self.show(np.zeros((0, 1, 1), np.uint8), zoom=1)

    def show(self, tiles: np.ndarray, *, zoom: float, captions: Sequence[tuple[str, str]] = ()) -> None:
        """Other pictures; `zoom`: the side of a number on the page, in pixels.

        captions   two short texts under each picture
        """
        levels = tiles if tiles.dtype in (np.int8, np.uint8) else np.rint(tiles * 255).astype(np.uint8)
        count, height, width = levels.shape
        self._props.update(
            {
                "count": count, "height": height, "width": width, "zoom": zoom, "signed": levels.dtype == np.int8,
                "captions": [list(caption) for caption in captions],
                "levels": base64.b64encode(np.ascontiguousarray(levels).tobytes()).decode(),
            }
        )  # fmt: skip
        self.update()
