#!/bin/sh
# Exit 0 when Node.js 20 or later and npm are there, else say what is missing.
version=$(node --version 2>/dev/null) || version=none
major=${version#v}
major=${major%%.*}
if [ "$version" = none ] || [ "$major" -lt 20 ]; then
    echo "Pari Passu needs Node.js 20 or later for its local nodes and compiler; found: $version." >&2
    exit 1
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "Pari Passu needs npm, which comes with Node.js; none is on the search path." >&2
    exit 1
fi
