"""The test that the README shows runs as it stands, in a repository that is not ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).parents[2]


def test_the_readmes_example_passes_in_a_users_repository(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (CLONE / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "test_dividend.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PARI_NODE_MODULES": str(CLONE / "node_modules")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
