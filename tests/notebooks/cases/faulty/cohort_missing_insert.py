# Databricks notebook source
# expect COHORT_MISSING: INSERT INTO
cat = dbutils.widgets.get("cr_output_catalog")
sch = dbutils.widgets.get("cr_output_schema")
spark.sql(f"CREATE TABLE {cat}.{sch}.segments (merchant STRING, amount DOUBLE)")
spark.sql(f"""
    INSERT INTO {cat}.{sch}.segments
    SELECT merchant, sum(amount) FROM creator.signals.transactions GROUP BY merchant
""")
