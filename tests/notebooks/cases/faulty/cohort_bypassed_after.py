# Databricks notebook source
# expect COHORT_BYPASSED: cells.write
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
# COMMAND ----------
cells.write.mode("errorifexists").saveAsTable(f"{out}.wards")
# COMMAND ----------
cells = cells.filter("people >= 100")
