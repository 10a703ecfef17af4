"""What a run remembers: ledger, records, files."""
