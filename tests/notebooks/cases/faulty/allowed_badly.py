# Databricks notebook source
# expect ALLOW: allow OUTPUT_SHOWN
# expect OUTPUT_SHOWN: display(a)
# expect ALLOW: allow NOTHING_LIKE_THAT
# expect ALLOW: allow UDF
a = spark.table("creator.care.visits")
display(a)  # cleanroom: allow OUTPUT_SHOWN
# COMMAND ----------
# cleanroom: allow NOTHING_LIKE_THAT because there is no such finding
b = 1
# cleanroom: allow UDF because there once was one on this line
c = 2
