# Databricks notebook source
# expect COHORT_ROWS: saveAsTable
import pyspark.sql.functions as f

target = "{}.{}.wards".format(dbutils.widgets.get("cr_output_catalog"), dbutils.widgets.get("cr_output_schema"))
wards = spark.table("creator.care.visits").groupBy(f.col("ward")).agg(f.approx_count_distinct("patient_id").alias("n"))
wards.filter(wards.n >= 50).write.saveAsTable(target)
