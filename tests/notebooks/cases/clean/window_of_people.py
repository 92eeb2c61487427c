# Databricks notebook source
from pyspark.sql import Window, functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
per_ward = Window.partitionBy("ward")
visits = (
    spark.table("creator.care.visits")
    .withColumn("people", F.size(F.collect_set("patient_id").over(per_ward)))
    .filter(F.col("people") >= 100)
)
visits.groupBy("ward").agg(F.avg("cost").alias("cost")).write.saveAsTable(f"{out}.wards")
