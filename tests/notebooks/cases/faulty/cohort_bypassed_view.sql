-- Databricks notebook source
-- expect COHORT_BYPASSED: CREATE TABLE
CREATE OR REPLACE TEMP VIEW wards AS
SELECT ward, count(DISTINCT patient_id) AS people, avg(cost) AS cost FROM creator.care.visits GROUP BY ward;
-- COMMAND ----------
CREATE OR REPLACE TEMPORARY VIEW safe_wards AS SELECT * FROM wards WHERE people >= 100;
-- COMMAND ----------
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS SELECT ward, cost FROM wards;
