"""The client for asyncio; `spk.client.sync` is made from it by ``scripts/sync_client.py``."""
