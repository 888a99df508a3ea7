"""forge with the compiler of this checkout: `python tools/forge.py test --match-contract Gateway`.

The native binary is started in place of npm's wrapper, which answers exit status 0 even
when tests fail.
"""

from __future__ import annotations

import os
import sys

from setup_solc import SOLC

from paripassu.devnet.programs import forge_command


def main() -> None:
    program, arguments = forge_command()[0], sys.argv[1:]
    if arguments[:1] in (["test"], ["build"], ["coverage"], ["snapshot"]):
        arguments += ["--use", str(SOLC), "--offline"]
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
