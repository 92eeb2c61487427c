# Databricks notebook source
# expect COHORT_BYPASSED: saveAsTable
from pyspark.sql import functions as F

def guarded(df, enforce=True):
    if not enforce:
        return df
    return df.filter(F.col("people") >= 100)

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
guarded(cells, enforce=False).write.saveAsTable(f"{out}.wards")
