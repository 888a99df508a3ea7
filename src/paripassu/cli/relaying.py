"""`pari relay` with what belongs to it: the relayer itself, and its store made anew."""

from __future__ import annotations

from cyclopts import App

from paripassu.cli.bridge import relay

HELP = "Carry attested batches to their destinations."

app = App(name="relay", help=HELP, help_format="plaintext", version_flags=())
app.default(relay)
app.command("paripassu.cli.rebuilding:rebuild", name="rebuild", help="Make the bridge's store anew.")
