# Databricks notebook source
import hmac, hashlib
from pyspark.sql import functions as F

SECRET_SCOPE = "consortium"
salt = dbutils.secrets.get(SECRET_SCOPE, "salt")
cards = spark.table("creator.gold.cards")
tokens = cards.withColumn("card_token", F.sha2(F.concat(F.lit(salt), F.trim("card_number")), 256)).drop("card_number")
tokens.createOrReplaceTempView("tokens")
text = "SELECT 1"
query_hash = hashlib.sha256(b"SELECT 1").hexdigest()
version = hmac.new(salt.encode(), b"version", hashlib.sha256)
print("query", "SELECT 1", "since", dbutils.widgets.get("since"))
