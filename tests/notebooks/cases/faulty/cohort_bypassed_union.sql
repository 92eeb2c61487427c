-- Databricks notebook source
-- expect COHORT_BYPASSED: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS
SELECT ward, avg(cost) AS cost FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 100
UNION ALL
SELECT 'all others', avg(cost) FROM creator.care.visits WHERE ward = 'isolation';
