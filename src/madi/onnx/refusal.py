"""What madi says of a graph that it does not take, at a length that one reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from madi.errors import MadiError

_WORD = 300  # letters; paths, and names that programs give to nodes, have fewer
_MESSAGE = 1000


class Unsupported(MadiError, NotImplementedError):
    """An operator, type, attribute or graph that is not taken, by name; what else the file holds may be right."""


@contextmanager
def briefly() -> Iterator[None]:
    """Within the block errors are short, however long the names, texts and lists of a file are that they tell of."""
    try:
        yield
    except MadiError as error:
        text = shortened(str(error))
        if text == str(error):
            raise
        raise type(error)(text) from error.__cause__


def shortened(text: str) -> str:
    """A message with its long words cut, and what is still too long without its middle."""
    text = re.sub(rf"\S{{{_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-10:]}", text)
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE // 2]} ... {text[-_MESSAGE // 4 :]}"
