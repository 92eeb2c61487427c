-- Databricks notebook source
-- expect OUTSIDE_OUTPUT: CREATE TABLE main
-- expect OUTSIDE_OUTPUT: INSERT OVERWRITE
-- expect COHORT_MISSING: INSERT OVERWRITE
-- expect OUTSIDE_OUTPUT: DELETE FROM
-- expect OUTSIDE_OUTPUT: MERGE INTO
CREATE TABLE main.results.wards AS
SELECT ward, avg(cost) AS cost FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100;
-- COMMAND ----------
INSERT OVERWRITE DIRECTORY '/Volumes/x/y/z' USING csv SELECT 1;
DELETE FROM creator.care.visits WHERE ward = 'x';
-- COMMAND ----------
CREATE TEMP VIEW ok AS SELECT ward, count(DISTINCT patient_id) AS n FROM creator.care.visits GROUP BY ward HAVING n >= 100;
MERGE INTO main.results.wards w USING ok ON w.ward = ok.ward WHEN MATCHED THEN UPDATE SET *;
