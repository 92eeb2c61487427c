"""Row filters, column expressions, tokenised columns and analysis rules; compiled to one share-safe SELECT per asset."""
