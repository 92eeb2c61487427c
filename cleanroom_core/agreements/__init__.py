"""The data processing agreement as an object: purposes, output ownership, minimum cohort, end of partnership."""
