"""The data plane. Owner side: one party's raw file. Room side: share-safe files only. Never one process for both."""
