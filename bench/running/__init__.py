"""How fast the bridge is, and how much memory it takes: two Anvils, real processes."""
