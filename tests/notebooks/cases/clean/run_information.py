# Databricks notebook source
# What the run was, and nothing of the data.
from datetime import datetime, timezone

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
started = datetime.now(timezone.utc)
info = spark.createDataFrame([("fraud_segments", "2026-11", started)], "plan string, period string, started timestamp")
info.write.saveAsTable(f"{out}.run_information")
print(f"started at {started}")
displayHTML("<h1>Done</h1>")
dbutils.notebook.exit("ok")
