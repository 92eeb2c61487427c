# Databricks notebook source
from pyspark.sql import functions as F

ours = spark.table("creator.crm.customers").withColumn("email", F.trim(F.lower("email")))
theirs = spark.table("collaborator.crm.customers").select(F.lower(F.trim(F.col("email"))).alias("email"), "band")
joined = ours.join(theirs, "email")
joined.groupBy("band").agg(F.countDistinct("customer_id").alias("n")).filter("n >= 100").createOrReplaceTempView("bands")
