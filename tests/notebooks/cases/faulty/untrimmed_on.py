# Databricks notebook source
# expect UNTRIMMED_KEY: .join(
from pyspark.sql import functions as F

ours = spark.table("creator.crm.customers")
theirs = spark.table("collaborator.crm.customers")
both = ours.join(theirs, F.lower(ours.email) == F.lower(theirs["email"]), "inner")
