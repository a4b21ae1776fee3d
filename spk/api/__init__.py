"""The HTTP service: what `spk serve` runs."""
