"""ONNX's own tests of the operators that madi claims: how many pass, and why the others are not taken.

    python benchmarks/onnx_backend.py [numpy | jax]

The node cases of `onnx.backend.test` whose nodes are all in `madi.onnx.OPERATORS`, without those that say an operator
by others ("expanded"), each through `madi.onnx.load` and `run`, held against its outputs within its own tolerance.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.onnx.node_cases import outcomes

import madi.onnx


def main():
    engines = sys.argv[1:] or ["numpy", "jax"]
    print(f"onnx {onnx.__version__}, {len(madi.onnx.OPERATORS)} operators claimed\n")
    print("| engine | cases | passed | failed | refused by Unsupported | share refused |")
    print("|---|---|---|---|---|---|")
    reasons = Counter()
    for engine in engines:
        found = outcomes(engine)
        total = len(found.passed) + len(found.failed) + len(found.refused)
        counts = " | ".join(str(len(part)) for part in (found.passed, found.failed, found.refused))
        print(f"| {engine} | {total} | {counts} | {len(found.refused) / total:.1%} |")
        reasons = Counter(re.sub(r"'[^']*'", "'...'", reason) for reason in found.refused.values())
        for name, reason in found.failed.items():
            print(f"failed: {name}: {reason}", file=sys.stderr)
    print("\nRefused, and why:\n")
    for reason, count in reasons.most_common():
        print(f"- {count}: {reason}")


if __name__ == "__main__":
    main()
