"""Every text of the studio, in English and Korean: one file a page, one entry a text."""

from __future__ import annotations

from madi.studio.texts import common, draw, lab, runs, step, train

LANGUAGES = {"en": "English", "ko": "한국어"}

Entries = dict[str, tuple[str, str]]

CATALOGUE: Entries = {
    f"{page}.{name}": entry
    for page, entries in (
        *(("common", common.TEXTS), ("step", step.TEXTS), ("draw", draw.TEXTS)),
        *(("train", train.TEXTS), ("lab", lab.TEXTS), ("runs", runs.TEXTS)),
    )
    for name, entry in entries.items()
}


class Texts:
    """The texts in one language: texts("step.title"), texts("runs.count", count=3).

    Raises KeyError for a name that is not in the catalogue.
    """

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._place = list(LANGUAGES).index(self.language)

    def __call__(self, name: str, /, **values: object) -> str:
        return CATALOGUE[name][self._place].format(**values)


def preferred(header: str) -> str:
    """The language that a browser asks for (its Accept-Language), or English."""
    wanted = (part.split(";")[0].strip()[:2].lower() for part in header.split(","))
    return next((language for language in wanted if language in LANGUAGES), "en")
