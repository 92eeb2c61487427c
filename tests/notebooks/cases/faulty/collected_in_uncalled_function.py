# Databricks notebook source
# expect DATA_COLLECTED: toPandas
def later(df):
    return df.groupBy("ward").count().toPandas()
