"""The help of a command with many options: under headings, each option in a line or two."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

ARGUMENTS, OTHERS = "Arguments", "Options"


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by their `rich_help_panel`; those without one join the last."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first paragraph, whole: a list of commands folds it."""
        return " ".join((self.help or "").split("\n\n")[0].split())

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and, heading by heading, the options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                groups.setdefault(_heading(parameter), []).append((_one_of_two(*record), record[1]))
        others = groups.pop(OTHERS, [])
        headings = [heading for heading in groups if heading != ARGUMENTS]
        groups.setdefault(headings[-1] if headings else OTHERS, []).extend(others)
        for heading, records in sorted(groups.items(), key=lambda group: group[0] != ARGUMENTS):
            with formatter.section(heading):
                formatter.write_dl(records)


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return ARGUMENTS
    return getattr(parameter, "rich_help_panel", None) or OTHERS


def _one_of_two(names: str, text: str) -> str:
    """Of "--small / --no-small" the one that changes something; that the other is there is said once, with --config.

    The text of a switch that is on says what switching it off does, and no default.
    """
    usual, _, other = names.partition(" / ")
    return other if other and not text.endswith("]") else usual
