# Databricks notebook source
from pyspark.sql import functions as F

wards = spark.table("creator.reference.wards")
display(wards)  # cleanroom: allow OUTPUT_SHOWN because this is the public list of wards, without people
# COMMAND ----------
# cleanroom: allow COHORT_MISSING because the reference list names wards, no people
wards.write.saveAsTable(f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}.wards")
