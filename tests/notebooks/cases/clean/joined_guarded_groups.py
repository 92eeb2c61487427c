# Databricks notebook source
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
visits = spark.table("creator.care.visits")
eligible = visits.groupBy("ward").agg(F.countDistinct("patient_id").alias("people")).where("people >= 100").select("ward")
costs = visits.groupBy("ward").agg(F.avg("cost").alias("cost"))
costs.join(eligible, "ward", "left_semi").write.saveAsTable(f"{out}.wards")
costs.join(F.broadcast(eligible), ["ward"]).write.saveAsTable(f"{out}.wards_too")
