-- Databricks notebook source
-- minimum 100
-- expect COHORT_SMALL: CREATE TABLE
CREATE TABLE IDENTIFIER(:cr_output_catalog || '.' || :cr_output_schema || '.wards') AS
SELECT ward, avg(cost) AS cost FROM creator.care.visits GROUP BY ward HAVING count(DISTINCT patient_id) >= 20;
