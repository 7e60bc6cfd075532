"""The command line: `madi train | tune | evaluate | predict | inspect | check | export
| datasets | studio | serve | lab`.

Exit codes: 0 success; 2 the user's mistake, told in one line; 1 a fault of madi, whose log file is named; 130 after
Ctrl-C, 143 after SIGTERM.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # nothing is imported before signals are heard
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; `arguments` default to those of the process."""
    try:
        from madi.cli.running import run

        code = run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:  # before the command line is there, or as it goes
        sys.stderr.write("madi: interrupted.\n")
        code = INTERRUPTED
    sys.exit(code)
