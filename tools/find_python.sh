#!/bin/sh
# Print a Python that Pari Passu runs on: $PYTHON if set, else the first of the usual names.
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo "Pari Passu needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3 python3-venv); set PYTHON to name one." >&2
exit 1
