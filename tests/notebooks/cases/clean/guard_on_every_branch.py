# Databricks notebook source
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
if dbutils.widgets.get("strict") == "yes":
    cells = cells.filter("people >= 500")
else:
    cells = cells.filter("people >= 100")
cells.write.saveAsTable(f"{out}.wards")
