# Databricks notebook source
from pyspark.sql import functions as F

out = "{0}.{1}".format(dbutils.widgets.get("cr_output_catalog"), dbutils.widgets.get("cr_output_schema"))
cells = (
    spark.table("creator.care.visits")
    .groupBy("ward", "day")
    .agg(F.countDistinct("patient_id").alias("people"), F.sum("cost").alias("cost"))
    .filter("people >= 100")
)
cells.groupBy("ward").agg(F.sum("cost").alias("cost")).write.saveAsTable(out + ".wards")
