# Databricks notebook source
from functools import reduce
from pyspark.sql import functions as F

measures = ["cost", "days", "readmitted"]
out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
visits = spark.table("creator.care.visits")


def sheet(key):
    return (
        visits.groupBy(F.col(key).alias("label"))
        .agg(F.countDistinct(F.col("patient_id")).alias("people"), *[F.avg(m).alias(f"avg_{m}") for m in measures])
        .where(F.col("people").between(100, 1000000))
    )


sheets = [sheet(key) for key in ("ward", "month")]
reduce(lambda a, b: a.unionByName(b), sheets).write.saveAsTable(f"{out}.sheets")
