# Databricks notebook source
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
cells = spark.table("creator.care.visits").groupBy("ward").agg(F.expr("count(DISTINCT patient_id) AS people"))
cells = cells.withColumn("enough", F.col("people") >= 100)
cells.filter("enough").selectExpr("ward", "people").write.saveAsTable(f"{out}.wards")
