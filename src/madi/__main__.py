"""`python -m madi` is the command `madi`."""

from __future__ import annotations

from madi.cli import main

if __name__ == "__main__":
    main()
