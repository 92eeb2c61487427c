# Databricks notebook source
# expect UDF: @udf
# expect UDF: @F.pandas_udf
# expect UDF: spark.udf.register
# expect UDF: mapInPandas
# expect UDF: applyInPandas
from pyspark.sql import functions as F
from pyspark.sql.functions import udf

@udf("string")
def first(x):
    return x[:1]

@F.pandas_udf("double")
def plus(s):
    return s + 1

spark.udf.register("third", lambda x: x)
visits = spark.table("creator.care.visits")
a = visits.mapInPandas(lambda frames: frames, visits.schema)
b = visits.groupBy("ward").applyInPandas(lambda frame: frame, "ward string")
