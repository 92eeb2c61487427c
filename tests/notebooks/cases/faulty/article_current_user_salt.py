# Databricks notebook source
# expect CURRENT_USER_SALT: .withColumn("card_token"
# expect COHORT_MISSING: saveAsTable
# expect RAW_IDENTIFIER: saveAsTable
from pyspark.sql import functions as F

cards = spark.table("creator.signals.cards")
tokens = (
    cards.select("card_number", "merchant")
    .withColumn("card_token", F.sha2(F.concat("card_number", F.current_user()), 256))
    .drop("card_number")
)
out = dbutils.widgets.get("cr_output_catalog") + "." + dbutils.widgets.get("cr_output_schema")
tokens.write.saveAsTable(out + ".tokens")
