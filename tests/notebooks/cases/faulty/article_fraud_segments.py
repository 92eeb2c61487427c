# Databricks notebook source
# expect COHORT_ROWS: .saveAsTable(
# expect OUTSIDE_OUTPUT: .saveAsTable(
# expect OUTPUT_SHOWN: print(f"Segments
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()
signals = spark.table("cleanroom_catalog.supplier.transaction_signals")
behavior = spark.table("cleanroom_catalog.consumer.account_behavior")

segment_stats = (
    signals.join(behavior, on="card_token", how="inner")
    .groupBy("merchant_category_code", "txn_amount_band")
    .agg(F.count("*").alias("cohort_size"), F.avg("confirmed_fraud_flag").alias("fraud_rate"))
    .filter(F.col("cohort_size") >= 100)  # the most important line
)

# COMMAND ----------

segment_stats.write.mode("overwrite").saveAsTable("cleanroom_catalog.outputs.fraud_segments")
print(f"Segments written: {segment_stats.count()}")
