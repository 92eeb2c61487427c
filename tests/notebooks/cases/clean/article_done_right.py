# Databricks notebook source
# The article's segments, as they may run in a room.
from pyspark.sql import functions as F

MINIMUM_COHORT = 100
catalog = dbutils.widgets.get("cr_output_catalog")
schema = dbutils.widgets.get("cr_output_schema")

signals = spark.table("creator.signal_features.transaction_signals")
behavior = spark.table("collaborator.behavior.account_behavior")

# COMMAND ----------

segments = (
    signals.join(behavior, on="card_token", how="inner")
    .groupBy("merchant_category_code", "txn_amount_band")
    .agg(
        F.count_distinct("person_token").alias("people"),
        F.avg(F.col("confirmed_fraud_flag").cast("double")).alias("fraud_rate"),
    )
    .filter(F.col("people") >= MINIMUM_COHORT)
)

# COMMAND ----------

segments.write.saveAsTable(f"{catalog}.{schema}.fraud_segments")
print("The segments are written.")
