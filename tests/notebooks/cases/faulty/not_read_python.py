# Databricks notebook source
# expect NOT_READ: def broken(
# expect NOT_READ: exec(
# expect NOT_READ: spark.sql(query)
# expect NOT_READ: filter("ward
# expect NOT_READ: %scala
# expect NOT_READ: %run
def broken(:
    pass
# COMMAND ----------
exec("print(1)")
query = open("/Volumes/q.sql").read()
spark.sql(query)
spark.table("creator.care.visits").filter("ward = = 3")
# COMMAND ----------
# MAGIC %scala
# MAGIC spark.table("x").show()
# COMMAND ----------
# MAGIC %run ./other
