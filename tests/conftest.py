"""For all tests under pytest."""

from __future__ import annotations

import signal

# A shell that starts us in the background leaves interrupts ignored, and our children inherit
# that; tests that interrupt a process mean one that a person started at a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
