# Databricks notebook source
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
labels = spark.createDataFrame([("a", "Ward A"), ("b", "Ward B")], "ward string, label string")
visits = spark.table("creator.care.visits")
cells = visits.groupBy("ward").agg(F.countDistinct("patient_id").alias("people")).filter("people >= 100")
total = visits.agg(F.countDistinct("patient_id").alias("everybody")).filter("everybody >= 100")
cells.join(labels, "ward", "left").crossJoin(total).write.saveAsTable(f"{out}.wards")
