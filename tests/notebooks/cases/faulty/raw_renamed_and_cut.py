# Databricks notebook source
# expect RAW_IDENTIFIER: saveAsTable
# expect COHORT_MISSING: saveAsTable
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
people = spark.table("creator.care.patients").withColumnRenamed("patient_id", "ref")
people.select(F.substring("ref", 1, 8).alias("short"), "ward").write.saveAsTable(f"{out}.refs")
