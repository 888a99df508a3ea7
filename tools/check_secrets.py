"""Refuse files that hold a private key. Arguments: files; without any, all that git tracks.

Looked for: PEM private keys, encrypted key files of Ethereum clients, and 32-byte hex values that
are given the name of a key. Keys of local networks are derived from names and never written down.
Exit status 1 and one line for each find; the value itself is not printed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PATTERNS = {
    "a PEM private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "an Ethereum key file": re.compile(r'"ciphertext"\s*:\s*"[0-9a-fA-F]{64}"'),
    "a private key in hex": re.compile(
        r"(?i)(?:private[_-]?key|secret[_-]?key|signer[_-]?key)['\"]?\s*[:=]\s*['\"]?(?:0x)?[0-9a-f]{64}\b"
    ),
}
LARGEST = 2_000_000


def finds(path: Path) -> list[str]:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return []
    text = path.read_bytes().decode("utf-8", errors="replace")
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {what}"
        for what, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
    ]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name]


def main() -> int:
    found = [line for name in sys.argv[1:] or tracked() for line in finds(Path(name))]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
