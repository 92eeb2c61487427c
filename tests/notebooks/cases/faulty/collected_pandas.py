# Databricks notebook source
# expect DATA_COLLECTED: .toPandas()
# expect OUTPUT_SHOWN: print(pdf
pdf = spark.sql("SELECT * FROM creator.care.visits").toPandas()
print(pdf.head())
