# Databricks notebook source
# expect COHORT_MISSING: saveAsTable
out = dbutils.widgets.get("cr_output_catalog") + "." + dbutils.widgets.get("cr_output_schema")
spark.table("creator.care.visits").select("ward", "cost").write.saveAsTable(f"{out}.visits")
