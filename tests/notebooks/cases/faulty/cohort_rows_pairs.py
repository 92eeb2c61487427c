# Databricks notebook source
# expect COHORT_ROWS: saveAsTable
# pairs of a person and a day are more than people
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
spark.table("creator.care.visits").groupBy("ward").agg(
    F.countDistinct("patient_id", "day").alias("people"), F.sum("cost").alias("cost")
).where("people >= 50").write.saveAsTable(f"{out}.wards")
