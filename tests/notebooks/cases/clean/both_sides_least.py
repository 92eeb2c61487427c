# Databricks notebook source
from pyspark.sql import functions as F

out = f"{dbutils.widgets.get('cr_output_catalog')}.{dbutils.widgets.get('cr_output_schema')}"
ours = spark.table("creator.signals.transactions").alias("o")
theirs = spark.table("collaborator.bank.accounts").alias("t")
cells = (
    ours.join(theirs, F.col("o.card_token") == F.col("t.card_token"))
    .groupBy("o.merchant")
    .agg(
        F.countDistinct("o.person_token").alias("our_people"),
        F.countDistinct("t.person_token").alias("their_people"),
        F.sum("o.amount").alias("amount"),
    )
    .withColumn("people", F.least("our_people", "their_people"))
    .where((F.col("people") >= 100) & F.col("merchant").isNotNull())
    .drop("our_people", "their_people")
)
cells.writeTo(f"{out}.merchants").create()
