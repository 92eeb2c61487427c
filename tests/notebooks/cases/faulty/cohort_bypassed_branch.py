# Databricks notebook source
# expect COHORT_BYPASSED: saveAsTable
from pyspark.sql import functions as F

strict = dbutils.widgets.get("strict") == "true"
out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(
    F.countDistinct("patient_id").alias("people"), F.sum("cost").alias("cost")
)
if strict:
    cells = cells.filter(F.col("people") >= 100)
cells.write.saveAsTable(f"{out}.wards")
