"""Real servers for tests and benches, on free ports of this machine."""
