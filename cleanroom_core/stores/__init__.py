"""Where entries and payloads live. One file per home; the database *is* the log."""
