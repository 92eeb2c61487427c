# Databricks notebook source
# expect COHORT_SMALL: saveAsTable
# whoever runs it may say 1
from pyspark.sql import functions as F

dbutils.widgets.text("minimum", "100")
minimum = int(dbutils.widgets.get("minimum"))
out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
cells.filter(F.col("people") >= minimum).write.saveAsTable(f"{out}.wards")
