# Databricks notebook source
from pyspark.sql import functions as F

level = dbutils.widgets.get("level")
visits = spark.table("creator.care.visits")
if level == "ward":
    cells = visits.groupBy("ward")
elif level == "month":
    cells = visits.groupBy(F.date_trunc("month", F.col("day")).alias("month"))
else:
    raise ValueError(f"there is no level {level}")
cells = cells.agg(F.countDistinct("patient_id").alias("people"), F.sum("cost").alias("cost")).filter("people >= 100")
cells.write.saveAsTable(dbutils.widgets.get("cr_output_catalog") + "." + dbutils.widgets.get("cr_output_schema") + ".cells")
