"""What a run writes down of itself, read back: receipts, what stands on disk, how far it is."""
