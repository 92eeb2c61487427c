# Databricks notebook source
# expect SECRET_IN_TEXT: SALT =
# expect SECRET_IN_TEXT: F.sha2(
# expect UNKEYED_HASH: F.sha2(
# expect SECRET_IN_TEXT: "password"
# expect NETWORK: .load()
# expect SECRET_IN_TEXT: AKIA
from pyspark.sql import functions as F

SALT = "pepper-and-salt"
cards = spark.table("creator.signals.cards")
tokens = cards.withColumn("t", F.sha2(F.concat(F.lit(SALT), F.col("card_number")), 256))
other = spark.read.format("parquet").option("password", "hunter2").load("s3://somewhere/else").load()
# the key is AKIAABCDEFGHIJKLMNOP
