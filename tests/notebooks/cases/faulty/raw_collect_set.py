# Databricks notebook source
# expect RAW_IDENTIFIER: saveAsTable
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
spark.table("creator.signals.transactions").groupBy("merchant").agg(
    F.countDistinct("person_token").alias("people"), F.collect_set("person_token").alias("members")
).filter("people >= 100").write.saveAsTable(f"{out}.members")
