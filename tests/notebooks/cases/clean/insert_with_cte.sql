-- Databricks notebook source
CREATE TABLE IDENTIFIER(concat(:cr_output_catalog, '.', :cr_output_schema, '.wards')) (ward STRING, cost DOUBLE);
-- COMMAND ----------
INSERT INTO IDENTIFIER(concat_ws('.', :cr_output_catalog, :cr_output_schema, 'wards'))
WITH eligible AS (
  SELECT ward FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100
)
SELECT ward, avg(cost) AS cost FROM creator.care.visits WHERE ward IN (SELECT ward FROM eligible) GROUP BY ward;
