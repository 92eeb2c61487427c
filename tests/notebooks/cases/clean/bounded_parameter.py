# Databricks notebook source
from pyspark.sql import functions as F

minimum = max(100, int(dbutils.widgets.get("minimum")))
out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
cells.filter(F.col("people") >= minimum).write.saveAsTable(f"{out}.wards")
