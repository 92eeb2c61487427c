-- Databricks notebook source
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS
SELECT ward, month(day) AS month, count(DISTINCT patient_id) AS people, count_if(readmitted) AS cases
FROM creator.care.visits
WHERE day >= :since AND patient_id IS NOT NULL
GROUP BY ROLLUP (ward, month(day))
HAVING count(DISTINCT patient_id) >= 100;
