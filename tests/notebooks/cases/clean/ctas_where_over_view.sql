-- Databricks notebook source
-- MAGIC %md
-- MAGIC ## Wards; print(patient_id) is only talk here
-- COMMAND ----------
CREATE OR REPLACE TEMP VIEW wards AS
SELECT ward, count(DISTINCT patient_id) AS people, sum(cost) AS cost FROM creator.care.visits GROUP BY ALL;
-- COMMAND ----------
CREATE OR REPLACE TEMP VIEW safe_wards AS SELECT * FROM wards WHERE NOT people < 50;
-- COMMAND ----------
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS
SELECT ward AS unit, cost / people AS cost_per_person FROM safe_wards ORDER BY unit;
