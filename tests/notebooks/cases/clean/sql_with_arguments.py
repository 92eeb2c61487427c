# Databricks notebook source
cells = spark.sql(
    "SELECT ward, count(DISTINCT patient_id) AS people FROM {visits} WHERE day >= :since GROUP BY ward",
    args={"since": dbutils.widgets.get("since")},
    visits=spark.table("creator.care.visits"),
).where("people >= 100")
cells.createOrReplaceTempView("cells")
spark.sql(
    "CREATE TABLE IDENTIFIER(:catalog || '.' || :schema || '.wards') AS SELECT ward FROM cells",
    args={"catalog": dbutils.widgets.get("cr_output_catalog"), "schema": dbutils.widgets.get("cr_output_schema")},
)
