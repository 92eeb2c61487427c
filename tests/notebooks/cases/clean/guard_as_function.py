# Databricks notebook source
from pyspark.sql import DataFrame, functions as F


def guarded(cells: DataFrame, minimum: int = 100) -> DataFrame:
    """Only cells of enough people."""
    return cells.filter(F.col("people") >= minimum)


def write(cells: DataFrame, name: str) -> None:
    catalog, schema = dbutils.widgets.get("cr_output_catalog"), dbutils.widgets.get("cr_output_schema")
    cells.drop("people").write.saveAsTable(f"{catalog}.{schema}.{name}")


visits = spark.table("creator.care.visits")
for key in ["ward", "day"]:
    cells = visits.groupBy(key).agg(F.countDistinct("patient_id").alias("people"), F.avg("cost").alias("cost"))
    write(cells.transform(guarded), f"by_{key}")
