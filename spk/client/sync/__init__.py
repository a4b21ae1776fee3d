"""The client that waits: made from `spk.client.aio`; change that."""
