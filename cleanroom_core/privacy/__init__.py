"""Cohorts, content rules and the protection of computed cells; certifying a release plan comes here next."""
