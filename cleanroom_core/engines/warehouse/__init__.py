"""A party's own tables in its workspace: read, and written as share-safe tables, by statements of a SQL warehouse alone."""
