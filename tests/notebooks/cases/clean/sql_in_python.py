# Databricks notebook source
catalog = dbutils.widgets.get("cr_output_catalog")
schema = dbutils.widgets.get("cr_output_schema")
guard = "count(DISTINCT patient_id) >= 100"
spark.sql(f"USE `{catalog}`.`{schema}`")
spark.sql(f"""
    CREATE OR REPLACE TEMP VIEW wards AS
    SELECT ward, avg(cost) AS cost
    FROM creator.care.visits
    GROUP BY ward
    HAVING {guard}
""")
spark.sql(f"CREATE TABLE {catalog}.{schema}.wards AS SELECT * FROM wards")
spark.table("wards").writeTo("wards_again").create()
