# Databricks notebook source
# expect OUTSIDE_OUTPUT: saveAsTable("main
# expect OUTSIDE_OUTPUT: insertInto(
# expect OUTSIDE_OUTPUT: saveAsTable(target
# expect OUTSIDE_OUTPUT: .parquet(
# expect OUTSIDE_OUTPUT: dbutils.fs.put
from pyspark.sql import functions as F

safe = (
    spark.table("creator.care.visits")
    .groupBy("ward")
    .agg(F.countDistinct("patient_id").alias("people"))
    .filter(F.col("people") >= 100)
)
safe.write.saveAsTable("main.results.wards")
safe.write.insertInto("wards")
target = dbutils.widgets.get("target")
safe.write.saveAsTable(target)
safe.write.mode("overwrite").parquet("/Volumes/creator/care/files/wards")
dbutils.fs.put("/tmp/done.txt", "done")
