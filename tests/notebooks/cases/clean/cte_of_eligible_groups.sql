-- Databricks notebook source
WITH eligible AS (
  SELECT ward FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100
), figures AS (
  SELECT v.ward, avg(v.cost) AS cost FROM creator.care.visits v JOIN eligible e ON v.ward = e.ward GROUP BY v.ward
)
INSERT INTO IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards')
SELECT ward, cost FROM figures;
