"""Print `constraints.txt`: every package of this environment at its exact version."""

from __future__ import annotations

import re
from importlib import metadata

NOT_OURS_TO_PIN = {"paripassu", "pip", "setuptools", "wheel"}


def main() -> None:
    found = {
        re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower(): distribution.version
        for distribution in metadata.distributions()
    }
    print("# Exact versions that the tests ran with; written by `make constraints`.")
    for name in sorted(found.keys() - NOT_OURS_TO_PIN):
        print(f"{name}=={found[name]}")


if __name__ == "__main__":
    main()
