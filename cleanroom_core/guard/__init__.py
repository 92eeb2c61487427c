"""Parse, judge, rewrite: templates and rules in; a Verdict with SafeQueries, or reasons, out. Pure."""
