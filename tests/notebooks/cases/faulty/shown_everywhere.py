# Databricks notebook source
# expect OUTPUT_SHOWN: display(visits)
# expect OUTPUT_SHOWN: visits.show(
# expect OUTPUT_SHOWN: visits.limit(5).display()
# expect OUTPUT_SHOWN: logging.info
# expect OUTPUT_SHOWN: dbutils.notebook.exit
# expect OUTPUT_SHOWN: raise ValueError
import logging

visits = spark.table("creator.care.visits")
display(visits)
visits.show(5)
visits.limit(5).display()
n = visits.count()
logging.info("there are %s visits", n)
# COMMAND ----------
if n < 1000:
    raise ValueError(f"only {n} visits")
dbutils.notebook.exit(str(n))
