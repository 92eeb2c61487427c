"""Rooms on Databricks, through the databricks-sdk. The SDK is imported in here only, and only when it is used."""
