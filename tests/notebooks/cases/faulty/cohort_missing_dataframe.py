# Databricks notebook source
# expect COHORT_MISSING: .createOrReplace()
from pyspark.sql.functions import avg, col

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
visits = spark.read.table("creator.care.visits")
rates = visits.groupBy("ward").agg(avg(col("readmitted").cast("double")).alias("rate"))
rates.writeTo(f"{out}.rates").createOrReplace()
