# Databricks notebook source
# expect COHORT_ROWS: saveAsTable
from pyspark.sql.functions import *

catalog = dbutils.widgets.get("cr_output_catalog")
schema = dbutils.widgets.get("cr_output_schema")
df = table("creator.care.visits").groupBy("ward").count()
df = df[col("count") >= lit(100)]
df.write.saveAsTable(catalog + "." + schema + ".wards")
