"""The command line: `madi train | evaluate | predict | inspect | check | datasets | lab`.

Exit codes: 0 success; 2 the user's mistake, told in one line; 1 a fault of madi, whose log file is named; 130 after
Ctrl-C, 143 after SIGTERM.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; `arguments` default to those of the process."""
    from madi.cli.running import run

    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
