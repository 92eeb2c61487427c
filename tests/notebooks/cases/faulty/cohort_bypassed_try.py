# Databricks notebook source
# expect COHORT_BYPASSED: saveAsTable
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
try:
    cells = cells.filter(cells["people"] >= 100)
except Exception:
    pass
cells.write.saveAsTable(f"{out}.wards")
