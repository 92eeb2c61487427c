# Databricks notebook source
# expect UNTRIMMED_KEY: .join(b
# expect UNKEYED_HASH: "k", F.sha2("iban"
# expect UNKEYED_HASH: "k", F.sha2(F.upper
from pyspark.sql import functions as F

a = spark.table("creator.bank.accounts").withColumn("k", F.sha2("iban", 256))
b = spark.table("collaborator.bank.accounts").withColumn("k", F.sha2(F.upper("iban"), 256))
joined = a.join(b, "k")
